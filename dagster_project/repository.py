"""The definitions that `dagster dev -w workspace.yaml` loads; building them reads the environment."""

from dagster_project.definitions import build_defs

defs = build_defs()
