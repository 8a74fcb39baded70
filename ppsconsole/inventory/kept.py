"""What a file said when it was last read, kept below the state folder for the next start of the console.

To load a parser for YAML, to parse and to check takes more time than all else that comes before the first frame, and at three in
the morning the file is the one of yesterday. An entry is used for the very same bytes under the same name, read by the same
code, and for nothing else: it holds all of that, and all of it is compared. It is made of our own values; whatever else stands
in it is refused, so that reading it can run nothing. What cannot be kept or read is read from the file, as if it had never been.
"""

import io
import os
import pickle
import stat
import sys
import zlib
from collections.abc import Collection
from contextlib import suppress
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from ppsconsole import __version__
from ppsconsole.inventory import private
from ppsconsole.inventory.places import state_home

_FOLDER = "kept"
_ENDING = ".values"
_MOST = 16
"""Entries; one for each inventory and each theme that was used. Those of labs that are gone make room for others."""


class _Values(pickle.Unpickler):
    """Makes values of our own and nothing else: no function is called, whatever stands in the entry."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        if module_name.startswith("ppsconsole.") and "." not in global_name:
            found = super().find_class(module_name, global_name)
            if isinstance(found, type) and is_dataclass(found) and found.__module__ == module_name:
                return found
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is no value")


def recalled(path: str, data: bytes, readers: Collection[str]) -> object | None:
    """Return what was read from the file at `path` when it had the bytes `data`; None where that is not known.

    Args:
        path: As the user named it.
        data: What is in the file now.
        readers: Files and folders with the code that reads it.
    """
    try:
        place = _place(path)
        _refuse_open(os.lstat(place.parent), is_folder=True)
        with open(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _refuse_open(os.fstat(file.fileno()), is_folder=False)
            written = file.read()
        head = _head(path, data, readers)
        return _Values(io.BytesIO(written[len(head) :])).load() if written.startswith(head) else None
    except Exception:  # a damaged entry can break a reader in any way, and the file itself is there
        return None


def keep(path: str, data: bytes, readers: Collection[str], value: object) -> None:
    """Keep `value`, which was read from the file at `path` when it had the bytes `data`; where that cannot be, nothing is kept.

    Args:
        path: As for `recalled`.
        data: Likewise.
        readers: Likewise.
        value: Made of the package's frozen values, and of plain ones.
    """
    with suppress(OSError, pickle.PicklingError):
        place = _place(path)
        private.write_bytes(place, _head(path, data, readers) + pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
        entries = sorted(place.parent.glob(f"*{_ENDING}"), key=lambda each: each.stat().st_mtime_ns)
        for old in entries[:-_MOST]:
            old.unlink(missing_ok=True)


def _place(path: str) -> Path:
    whole = os.path.abspath(os.path.expanduser(path))
    return state_home() / _FOLDER / f"{zlib.crc32(os.fsencode(whole)):08x}{_ENDING}"


def _head(path: str, data: bytes, readers: Collection[str]) -> bytes:
    """Return all that a value depends on: file names in it begin at the file's own folder, or at the user's."""
    known = (path, os.path.abspath(os.path.expanduser(path)), os.path.expanduser("~"), __version__, sys.version, *_code(readers))
    words = "\0".join(known).encode(errors="surrogateescape")
    return b"%d %d\n%b%b" % (len(words), len(data), words, data)


def _code(readers: Collection[str]) -> list[str]:
    """Return what changes when the code that reads is changed, as for a compiled module: names, sizes and times.

    Raises:
        OSError: There are no such files, as in an archive.
    """
    files = [entry for each in readers for entry in (os.scandir(each) if os.path.isdir(each) else ())]
    stats = [(entry.path, entry.stat()) for entry in files if entry.name.endswith(".py")]
    stats += [(each, os.stat(each)) for each in readers if not os.path.isdir(each)]
    return sorted(f"{name} {status.st_size} {status.st_mtime_ns}" for name, status in stats)


def _refuse_open(status: os.stat_result, *, is_folder: bool) -> None:
    """Refuse what others could have written.

    Raises:
        OSError: They could.
    """
    is_kind = stat.S_ISDIR(status.st_mode) if is_folder else stat.S_ISREG(status.st_mode)
    if not is_kind or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise OSError("somebody else could have written it")
