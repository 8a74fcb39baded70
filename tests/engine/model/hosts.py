"""Hosts of the model: services, and the folder where leases and copies of runs lie."""

from dataclasses import dataclass, field
from typing import Literal

State = Literal["running", "stopped", "failed", "frozen"]


@dataclass(slots=True)
class ModelService:
    """A service of the host; a database's own state is told by its processes.

    Attributes:
        is_broken: It does not come up.
    """

    state: State = "running"
    enabled: bool = True
    is_broken: bool = False


@dataclass(slots=True)
class KeptRun:
    """What lies on a host of one run."""

    plan: str = ""
    events: str = ""
    begun: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ModelHost:
    """A machine.

    Attributes:
        is_kept_off: Somebody switched it off for good and said so.
        lease: Text of the lease's file; empty when there is none.
        detached: Status and output of commands that outlive the line, by their place.
        is_full: Nothing can be written into the folder.
        drops: What happens to the next commands that act there: `before`, `after`, `late`.
    """

    name: str
    is_on: bool = True
    is_kept_off: bool = False
    boots: int = 1
    services: dict[str, ModelService] = field(default_factory=dict)
    epoch: int = 0
    lease: str = ""
    heartbeat: float | None = None
    runs: dict[str, KeptRun] = field(default_factory=dict)
    detached: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    is_full: bool = False
    drops: list[str] = field(default_factory=list)

    @property
    def lease_line(self) -> str:
        """Return the first line of the lease, `none` when there is none."""
        return self.lease.split("\n", 1)[0] if self.lease else "none"
