"""Data health: what a run knew about its data, as one document and one page per business date. It reads verdicts and judges nothing."""

from pipelines.health.record import HEALTH_JSON, HEALTH_PAGE, QUARANTINE_CSV, HealthFiles, read_health, write_health
from pipelines.health.run_end import RunEnd

__all__ = ["HEALTH_JSON", "HEALTH_PAGE", "QUARANTINE_CSV", "HealthFiles", "RunEnd", "read_health", "write_health"]
