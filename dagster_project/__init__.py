"""The Dagster shell around the domain: assets by stage, checks, jobs, schedules. No business rule lives here."""
