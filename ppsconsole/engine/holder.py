"""Who holds a lease: a process of somebody on some machine; and whether one on this machine is dead."""

import getpass
import os
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ppsconsole.masking import plain


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that runs a plan.

    Attributes:
        machine: What the machine calls itself.
        machine_id: `/etc/machine-id`; empty where there is none.
        boot_id: Of the kernel since its start; empty where it does not tell.
        namespace: The process namespace that `pid` counts in; empty likewise.
        started: When the process started, in clock ticks since the boot: a number that is given to a new process is not this one.
    """

    user: str
    machine: str
    machine_id: str
    boot_id: str
    namespace: str
    pid: int
    started: str

    def said(self) -> str:
        """Return `anna@ops1 pid 4711`."""
        return plain(f"{self.user}@{self.machine} pid {self.pid}", 120)

    def as_json(self) -> dict[str, Any]:
        """Return it for the lease's file."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Holder":
        """Return the holder that `as_json` made; what is missing is empty."""
        texts = {name: str(found.get(name, "")) for name in cls.__slots__ if name != "pid"}
        pid = found.get("pid", 0)
        return cls(**texts, pid=pid if isinstance(pid, int) else 0)


def this_process() -> Holder:
    """Return what this process is."""
    pid = os.getpid()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name for this user id
        user = str(os.geteuid())
    return Holder(
        user,
        platform.node(),
        _read(Path("/etc/machine-id")),
        _read(Path("/proc/sys/kernel/random/boot_id")),
        _namespace(),
        pid,
        _started(pid) or "",
    )


def life_of(holder: Holder, here: Holder) -> Literal["this", "alive", "dead", "unknown"]:
    """Return whether `holder` still runs, as far as can be said from the process `here`.

    `unknown` for every other machine, and wherever this one does not tell enough about itself.
    """
    if holder == here:
        return "this"
    if not holder.boot_id or not here.boot_id:
        return "unknown"
    if holder.boot_id == here.boot_id:
        if not holder.namespace or holder.namespace != here.namespace:
            return "unknown"
        return "alive" if _started(holder.pid) == holder.started else "dead"
    is_same_machine = holder.machine_id != "" and (holder.machine_id, holder.machine) == (here.machine_id, here.machine)
    return "dead" if is_same_machine else "unknown"


def _started(pid: int) -> str | None:
    """The start time of a process; None when there is none, or only its remains that nobody has collected yet."""
    text = _read(Path(f"/proc/{pid}/stat"))
    cells = text.rpartition(")")[2].split()  # the name before it may hold anything
    if len(cells) < 20 or cells[0] in ("Z", "X"):
        return None
    return cells[19]


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(errors="replace").strip()
    return ""
