"""What can be wrong with the disk of a host: no room on it, and backups that are old.

No plain account can make a file system full without filling the machine's own. So this is a stand-in, and is called one: whoever
logs in to the host cannot write any file beyond `ROOM_BYTES` (the system refuses it: EFBIG, "File too large", where a full disk
says ENOSPC), and `df` there says that nothing is free. Servers that run already are left alone.
"""

import os
from pathlib import Path

from ppsconsole.cluster.bundles import bundle_name
from ppsconsole.lab.layout import LabHost

ROOM_BYTES = 4096
"""As much as fits into a last block: leases and markers do, a dump does not."""

_NEWER = ".newer-"
_UNIT = 512  # of `ulimit -f` in a POSIX shell


def full_mark(host: LabHost) -> Path:
    """Return the file that tells the host's `df` that its disk is full."""
    return host.home / "run" / "disk-full"


def cramped(argv: list[str]) -> list[str]:
    """Return the command that runs `argv` where there is no room: what it writes is refused, and does not end it."""
    return ["/bin/sh", "-c", f"trap '' XFSZ; ulimit -f {ROOM_BYTES // _UNIT} && exec \"$@\"", "sh", *argv]


def age_backups(folder: Path, at: float | None) -> None:
    """Give the backups in a folder another date, in seconds since 1970 UTC; None makes them new again.

    A bundle is as old as its name says, and its name stands in it: those are hidden, as if the last ones had failed.
    """
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if at is not None and bundle_name(path.name) is not None and not path.name.startswith("."):
                path.rename(folder / f"{_NEWER}{path.name}")
            elif at is None and path.name.startswith(_NEWER):
                path.rename(folder / path.name.removeprefix(_NEWER))
            continue
        os.utime(path, None if at is None else (at, at), follow_symlinks=False)
