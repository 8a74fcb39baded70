"""What runs have set aside beside data directories: copies, logs, old directories. Values, and which names are ours."""

from dataclasses import dataclass
from typing import Any

from ppsconsole.clock import iso
from ppsconsole.cluster.judging import age, size

KINDS = {
    ".before-": "a data directory that a copy took the place of",
    ".clone-": "a copy that was not put in its place",
    ".lost-writes-": "the log of writes that were lost, with their list",
    ".configuration-": "configuration files that a rejoin put back",
    ".restore-": "the dump of a restore that did not end",
}
"""What each ending of a name means; it comes behind the name of the data directory, and a run's id or a position behind it."""

DATABASE = "database:"
"""Begins the path of what is a database in a server, and no file."""
DATABASES = {
    "_half_": "a copy of a restore that was never whole",
    "_before_": "the database that a restore took the place of",
    "_restore_": "a copy that a restore did not put in use",
}
"""What each ending of a database's name means; it comes behind the name of the PPS database, and a run's id behind it."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """One folder, file or database that was set aside.

    Attributes:
        node: The instance beside whose data directory it lies.
        host: Of that.
        path: There; of a database `database:NAME`.
        size_bytes: What it takes.
        since: When it got its name, or was last changed, seconds since 1970 UTC by the clock of its host.
    """

    node: str
    host: str
    path: str
    size_bytes: int
    since: float

    def said(self, now: float) -> str:
        """Return it in one line."""
        kind = kind_of(self.path) or "unknown"
        where = self.path if self.path.startswith(DATABASE) else f"{self.host}:{self.path}"
        return f"{self.node}  {where}  {size(self.size_bytes)}  {age(max(0.0, now - self.since))} old  {kind}"

    def as_json(self) -> dict[str, Any]:
        """Return what `quarantine list --json` tells of it."""
        return {
            "node": self.node,
            "host": self.host,
            "path": self.path,
            "kind": kind_of(self.path),
            "bytes": self.size_bytes,
            "since": iso(self.since),
        }


_NOTES = {
    ".part": "a copy that was never whole",
    ".log": "what the making of a copy said",
    ".rewinding": "the marker of a rewind that did not end",
}


def kind_of(path: str) -> str:
    """Return what a path is by its name; empty when it is none of ours."""
    name = path.rpartition("/")[2]
    kinds = DATABASES if path.startswith(DATABASE) else KINDS
    found = next((words for ending, words in kinds.items() if ending in name), "")
    notes = (words for ending, words in _NOTES.items() if found and name.endswith(ending))
    return next(notes, found)


def why_not_ours(path: str, data_directory: str) -> str:
    """Return why `path` is nothing that a run sets aside beside `data_directory`; empty when it may be."""
    if path.rstrip("/") == data_directory.rstrip("/"):
        return f"{path} is the data directory itself"
    base = data_directory.rstrip("/")
    rest = path.removeprefix(base)
    if rest == path or "/" in rest or not any(rest.startswith(ending) and len(rest) > len(ending) for ending in KINDS):
        named = ", ".join(f"{base}{ending}..." for ending in KINDS)
        return f"{path} is no name that a run gives to what it sets aside: {named}"
    if any(each not in _ALLOWED for each in rest):
        return f"{path} has a character that no run writes"
    return ""


_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
