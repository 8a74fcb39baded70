"""What was seen of primary and standbys, kept between commands: a loss is estimated from what was known before the crash."""

import json
from contextlib import suppress
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from ppsconsole.inventory import private
from ppsconsole.inventory.places import state_home
from ppsconsole.runbooks.history import History, Sample

KEPT = 60
"""Samples of each standby: two minutes of polling, or the last commands of a quiet week."""

WATCHED_S = 30.0
"""A death is remembered only while somebody keeps looking: in a longer pause the primary may have lived and died again."""


def recall(cluster: str, now: float, folder: Path | None = None) -> History:
    """Return what was last seen of `cluster` on this machine; nothing where that cannot be read.

    Args:
        cluster: Its name.
        now: Seconds since 1970 UTC.
        folder: Where it is kept; None for the console's state folder.
    """
    try:
        found = json.loads(_path(cluster, folder).read_text(encoding="utf-8"))
        history = _history(found)
        is_watched = 0.0 <= now - float(found["at"]) <= WATCHED_S
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return History()
    return history if is_watched else replace(history, dead_since=None)


def keep(cluster: str, history: History, now: float, folder: Path | None = None) -> None:
    """Keep `history` for the next command; a disk that refuses costs only a wider estimate."""
    path = _path(cluster, folder)
    samples = {name: [asdict(each) for each in found[-KEPT:]] for name, found in history.samples.items()}
    document = {"at": now, "primary": history.primary, "dead_since": history.dead_since, "samples": samples}
    with suppress(OSError):
        private.write(path, json.dumps(document))


def _history(found: dict[str, Any]) -> History:
    samples = {str(name): tuple(Sample(**each) for each in rows) for name, rows in found["samples"].items()}
    dead_since = found["dead_since"]
    return History(str(found["primary"]), None if dead_since is None else float(dead_since), samples)


def _path(cluster: str, folder: Path | None) -> Path:
    name = sha256(cluster.encode()).hexdigest()[:16]  # a name may hold what a file's may not
    return (folder or state_home() / "seen") / f"{name}.json"
