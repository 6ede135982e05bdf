"""Bytes kept for ever under their sha256, with sidecar, manifest and the layouts that read them. Typed rows are the lake's."""
