"""How a run ended, as the shell that ran it tells it. Wall times and the orchestrator's own ids stay out."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RunEnd:
    """The job that ran (`nightly`, `ingest_day`, or what an orchestrator calls it) and, if it stopped, where and why in a user's words."""

    job: str
    stopped_by: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As the health document holds it."""
        return {"job": self.job, "stopped_by": [{"step": step, "says": says} for step, says in self.stopped_by]}

    @classmethod
    def from_json(cls, body: Any) -> "RunEnd | None":
        """Read what `to_json` wrote; None for anything else.

        >>> RunEnd.from_json(RunEnd("nightly", (("landing", "no drop"),)).to_json())
        RunEnd(job='nightly', stopped_by=(('landing', 'no drop'),))
        """
        try:
            return cls(str(body["job"]), tuple((str(stop["step"]), str(stop["says"])) for stop in body["stopped_by"]))
        except (KeyError, TypeError):
            return None
