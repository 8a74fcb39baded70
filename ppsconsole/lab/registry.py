"""The list of running labs: one file each, below the XDG state home, gone with the lab."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from ppsconsole.errors import LabError
from ppsconsole.lab.state import LabState, write_private


def registry_folder() -> Path:
    """Return the folder where running labs are listed, one file each."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "ppsconsole" / "labs"


def register(state: LabState) -> str:
    """List a lab, as soon as its folder can tell of it.

    Returns:
        Why it could not be listed, empty when it was: it is then only found by its folder.
    """
    folder = registry_folder()
    for _ in range(5):
        try:
            missing = [str(each) for each in (folder, *folder.parents) if not each.exists()]
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Folders that any lab made for the list go with the last one, so each knows of all.
            known = [name for path in folder.glob("*.json") for name in _entry(path).get("made", [])]
            entry = {"folder": str(state.folder), "place": _place(), "made": sorted({*missing, *known})}
            write_private(folder / f"{state.id}.json", json.dumps(entry) + "\n")
        except FileNotFoundError:
            continue  # another lab has just taken the empty list away
        except OSError as error:
            return str(error.strerror or error)
        return ""
    return "its folders keep vanishing"


def unregister(lab: str) -> None:
    """Take a lab from the list; with the last one go the folders that labs made for it."""
    folder = registry_folder()
    path = folder / f"{lab}.json"
    made = _entry(path).get("made", [])
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        folder.rmdir()
        folder.parent.rmdir()
        for each in folder.parent.parents:
            if str(each) not in made:
                return
            each.rmdir()


def registered() -> list[LabState]:
    """Return all listed labs of this machine that still have a folder; also those whose supervisor is gone."""
    found = []
    folder = registry_folder()
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        entry = _entry(path)
        if entry.get("place", _place()) != _place():
            continue  # the home is shared: whether it lives cannot be seen from here
        try:
            state = LabState.read(Path(entry["folder"]))
        except (KeyError, TypeError, LabError):
            state = None
        if state is not None and state.id == path.stem:
            found.append(state)
        else:
            unregister(path.stem)
    return found


def unlisted_reason() -> str:
    """Return why labs may run here that the list does not have, empty when there is no such reason."""
    folder = registry_folder()
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    return "" if os.access(nearest, os.W_OK | os.X_OK) else f"labs cannot be listed in {folder}: {nearest} cannot be written to"


def _place() -> str:
    """Return what tells apart machines, and containers on one, that share a home: process numbers mean nothing in another."""
    try:
        numbers = os.readlink("/proc/self/ns/pid")
    except OSError:
        numbers = ""
    return f"{os.uname().nodename} {numbers}"


def _entry(path: Path) -> dict[str, Any]:
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entry if isinstance(entry, dict) else {}
