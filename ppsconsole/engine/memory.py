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

OUT_S = 3600.0
"""An outage is remembered for so long without a look: in a longer pause users may have been served, and out again."""

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
        pause_s = now - float(found["at"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return History()
    if not 0.0 <= pause_s <= OUT_S:
        history = replace(history, out_since=None, out_by="")
    return history if 0.0 <= pause_s <= WATCHED_S else replace(history, dead_since=None)


def keep(cluster: str, history: History, now: float, folder: Path | None = None) -> None:
    """Keep `history` for the next command; a disk that refuses costs only a wider estimate."""
    path = _path(cluster, folder)
    samples = {name: [asdict(each) for each in found[-KEPT:]] for name, found in history.samples.items()}
    moments = {name: getattr(history, name) for name in _MOMENTS}
    document = {"at": now, "primary": history.primary, "out_by": history.out_by, "samples": samples, **moments}
    with suppress(OSError):
        private.write(path, json.dumps(document))


def _history(found: dict[str, Any]) -> History:
    samples = {str(name): tuple(Sample(**each) for each in rows) for name, rows in found["samples"].items()}
    # What an earlier version kept has not all of them.
    moments = {name: None if (at := found.get(name)) is None else float(at) for name in _MOMENTS}
    return History(primary=str(found["primary"]), samples=samples, out_by=str(found.get("out_by", "")), **moments)


_MOMENTS = ("dead_since", "served_at", "out_since")


def _path(cluster: str, folder: Path | None) -> Path:
    name = sha256(cluster.encode()).hexdigest()[:16]  # a name may hold what a file's may not
    return (folder or state_home() / "seen") / f"{name}.json"
