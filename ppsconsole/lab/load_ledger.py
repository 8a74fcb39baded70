"""The load's own record of what it wrote: an append-only file, so that even a killed load leaves its list behind."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An acknowledged write, at seconds since 1970 UTC."""

    id: str
    at: float


@dataclass(slots=True)
class FolderRecord:
    """What was written to one folder.

    Attributes:
        tried: Names of all writes that were begun.
        acknowledged: Those that were acknowledged, by name.
    """

    tried: set[str] = field(default_factory=set)
    acknowledged: dict[str, Acknowledgement] = field(default_factory=dict)


class Ledger:
    """A new ledger; one that stood there is replaced.

    Each line is with the system before the call returns, so it survives the end of this process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO = path.open("w", encoding="utf-8", buffering=1)

    def tried(self, folder_id: str, name: str, at: float) -> None:
        """Record a write before it is sent."""
        self._append(is_acknowledged=False, folder=folder_id, name=name, at=at)

    def acknowledged(self, folder_id: str, name: str, entry_id: str, at: float) -> None:
        """Record that a write was acknowledged."""
        self._append(is_acknowledged=True, folder=folder_id, name=name, id=entry_id, at=at)

    def close(self) -> None:
        """Close the file; it stays."""
        self._file.close()

    def _append(self, **line: Any) -> None:
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")


def read_ledger(path: Path) -> dict[str, FolderRecord]:
    """Return what was written, by folder id. A last line that was cut off (the machine died) is left out."""
    folders: dict[str, FolderRecord] = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                break
            values = json.loads(line)
            folder = folders.setdefault(values["folder"], FolderRecord())
            if values["is_acknowledged"]:
                folder.acknowledged[values["name"]] = Acknowledgement(values["id"], values["at"])
            else:
                folder.tried.add(values["name"])
    return folders
