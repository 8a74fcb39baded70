"""What a lab writes down about itself: lab.json in its folder."""

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ppsconsole.errors import LabError
from ppsconsole.lab.processes import ProcessId

STATE_FILE = "lab.json"
INVENTORY_FILE = "inventory.yaml"
LOG_FILE = "lab.log"
ELSEWHERE = Path("/var/tmp")  # open to all accounts, and survives nothing but the lab itself
FOLDER_PREFIX = "ppsconsole-lab-"
_OWN_KEYS = {
    *("version", "id", "folder", "is_folder_made", "parents_made", "made", "elsewhere", "phase"),
    *("keeper", "supervisor", "servers", "control", "inventory"),
}


@dataclass(slots=True)
class LabState:
    """A lab as its folder tells of it.

    Attributes:
        id: Unique; marks its processes.
        folder: Where the lab lives.
        is_folder_made: Whether the lab made that folder itself.
        made: Names in the folder that are the lab's; nothing else is ever removed.
        elsewhere: Folder of the hosts when the service account cannot enter `folder`; empty otherwise.
        phase: `starting`, `up` or `ending`.
        keeper: The process that cleans up when the supervisor ends.
        supervisor: The process that holds everything.
        servers: Main processes by `HOST/SERVICE`.
        control: `address`, `port` and `token` of the control line.
        facts: For tests and tools: profile, network, hosts, roads, nodes.
        parents_made: How many folders above `folder` the lab had to make for it.
    """

    id: str
    folder: Path
    is_folder_made: bool
    made: list[str]
    elsewhere: str = ""
    phase: str = "starting"
    keeper: ProcessId | None = None
    supervisor: ProcessId | None = None
    servers: dict[str, ProcessId] = field(default_factory=dict)
    control: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    parents_made: int = 0

    @property
    def is_alive(self) -> bool:
        """Whether its supervisor, or the process that cleans up after it, still runs."""
        return any(process is not None and process.is_alive for process in (self.supervisor, self.keeper))

    @property
    def inventory(self) -> Path:
        """Where its inventory is."""
        return self.folder / INVENTORY_FILE

    def write(self) -> None:
        """Write lab.json, whole or not at all, for its owner's eyes only: it holds the control token."""
        document = {
            "version": 1,
            "id": self.id,
            "folder": str(self.folder),
            "is_folder_made": self.is_folder_made,
            "parents_made": self.parents_made,
            "made": self.made,
            "elsewhere": self.elsewhere,
            "phase": self.phase,
            "keeper": _pair(self.keeper),
            "supervisor": _pair(self.supervisor),
            "servers": {name: _pair(process) for name, process in self.servers.items()},
            "control": self.control,
            "inventory": str(self.inventory),
            **self.facts,
        }
        write_private(self.folder / STATE_FILE, json.dumps(document, indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "LabState | None":
        """Return the lab that `folder` tells of, None when it tells of none.

        Raises:
            LabError: There is a lab.json which no lab has written.
        """
        path = folder / STATE_FILE
        try:
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
                owner = os.fstat(file.fileno())
                text = file.read()
            # Processes are ended and folders removed by what it says, so it must be our own.
            if owner.st_uid != os.geteuid() or owner.st_mode & 0o077:
                raise LabError("belongs to somebody else", where=str(path))
            document = json.loads(text)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:
            raise LabError("belongs to somebody else", where=str(path)) from None
        except (OSError, ValueError) as error:
            raise LabError(f"cannot be read: {error}", where=str(path)) from error
        try:
            facts = {key: value for key, value in document.items() if key not in _OWN_KEYS}
            return cls(
                id=document["id"],
                folder=folder,
                is_folder_made=bool(document["is_folder_made"]),
                made=[name for name in document["made"] if "/" not in name and name not in ("", ".", "..")],
                elsewhere=_temporary(document["elsewhere"]),
                phase=document["phase"],
                keeper=_process(document["keeper"]),
                supervisor=_process(document["supervisor"]),
                servers={name: ProcessId(*pair) for name, pair in document["servers"].items()},
                control=document["control"],
                facts=facts,
                parents_made=int(document.get("parents_made", 0)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LabError(f"is not the state of a lab ({error!r})", where=str(path)) from error


def new_id() -> str:
    """Return an id for a new lab."""
    return secrets.token_hex(4)


def new_folder(base: Path) -> Path:
    """Return a name for a folder of a lab's own in `base`. It is made only once lab.json tells of it, or tells so itself."""
    return base / f"{FOLDER_PREFIX}{secrets.token_hex(8)}"


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 600, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _temporary(folder: str) -> str:
    """Return `folder` if it has the shape of those that labs make; it is going to be removed."""
    path = Path(folder)
    if folder and (path.parent != ELSEWHERE or not path.name.startswith(FOLDER_PREFIX)):
        raise TypeError(f"elsewhere: {folder}")
    return folder


def _pair(process: ProcessId | None) -> list[int] | None:
    return None if process is None else [process.pid, process.start]


def _process(pair: list[int] | None) -> ProcessId | None:
    return None if pair is None else ProcessId(*pair)
