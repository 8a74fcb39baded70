"""Proofs: values that promotion demands. Made by verifying the world, never by saying so (but for the typed statement)."""

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Rung(Enum):
    """How it is known that the old primary cannot write: the rungs of the fencing ladder, best first."""

    CLEAN_STOP = "clean-stop"
    KEPT_DOWN = "kept-down"
    FENCE_COMMAND = "fence-command"
    QUIESCED = "quiesced"
    ATTESTED = "attested"


@dataclass(frozen=True, slots=True)
class FenceProof:
    """Evidence that `instance` cannot write (law 1).

    Attributes:
        rung: Which rung of the ladder was reached.
        evidence: What was seen, or what the operator typed; each a sentence.
        at: When, seconds since 1970 UTC.
        run: The run that made it; a proof is good for that run only.
        is_found_running: It ran as it was fenced, or nobody saw that it did not: it may have been written to until `at`, however
            dead it was seen before.
    """

    instance: str
    rung: Rung
    evidence: tuple[str, ...]
    at: float
    run: str
    is_found_running: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return the proof for journal and report."""
        return {
            "instance": self.instance,
            "rung": self.rung.value,
            "evidence": list(self.evidence),
            "at": self.at,
            "run": self.run,
            "is_found_running": self.is_found_running,
        }

    def said(self) -> str:
        """Return what was proved and by what, one sentence."""
        return f"{self.instance} cannot write ({self.rung.value}): {'; '.join(self.evidence)}"

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "FenceProof":
        """Return the proof that `as_json` made."""
        evidence, is_found_running = tuple(found["evidence"]), bool(found.get("is_found_running", True))
        return cls(found["instance"], Rung(found["rung"]), evidence, found["at"], found["run"], is_found_running)


@dataclass(frozen=True, slots=True)
class ZeroLossProof:
    """Evidence that nothing is lost by promoting `standby` (law 3, PostgreSQL).

    Attributes:
        checkpoint_lsn: Start of the old primary's shutdown checkpoint record (`pg_controldata`); empty where it stopped without.
        have_lsn: What the standby has flushed; strictly beyond `checkpoint_lsn`, so that the record itself arrived. Where the log
            was salvaged: what it has replayed.
        timeline: The timeline of both.
        log_end_lsn: End of the last whole record of the dead primary's log, as read on its disk; `have_lsn` is at or beyond it.
            Empty where the shutdown checkpoint proves it.
    """

    primary: str
    standby: str
    checkpoint_lsn: str
    have_lsn: str
    timeline: int
    at: float
    run: str
    log_end_lsn: str = ""

    def said(self) -> str:
        """Return the proof as one sentence."""
        if self.log_end_lsn:
            how = f"it has replayed {self.have_lsn}, and the log on the disk of {self.primary} ends at {self.log_end_lsn}"
        else:
            how = f"it has flushed {self.have_lsn}, past the shutdown checkpoint at {self.checkpoint_lsn}"
        return f"{self.standby} has everything that {self.primary} wrote: {how}, on timeline {self.timeline}"

    def as_json(self) -> dict[str, Any]:
        """Return the proof for journal and report."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "ZeroLossProof":
        """Return the proof that `as_json` made."""
        return cls(**found)
