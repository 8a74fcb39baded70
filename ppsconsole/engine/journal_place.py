"""The folder that the SQLite journal lies in: private, on a disk of this machine, with space put by for bad times."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from ppsconsole.errors import JournalError
from ppsconsole.inventory import private
from ppsconsole.masking import plain

JOURNAL_FILE = "journal.sqlite"
RESERVE_FILE = "journal.reserve"

RESERVE_BYTES = 8 << 20
"""A run writes some hundred records of a few kilobytes; SQLite's write-ahead file holds 4 MiB before it is written back."""

_SLICE_BYTES = 1 << 20

NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2"}
    | {"orangefs", "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs"}
)
_LOCAL_FUSE = frozenset({"fuseblk", "fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuse.lxcfs"})


def prepare_folder(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> Path:
    """Make `folder` and the journal's file in it, readable by their owner only, and return the file's path.

    Args:
        folder: The console's state folder.
        mounts: The kernel's list of mounted file systems; where there is none, the kind of file system is not checked.

    Raises:
        JournalError: The folder is on a network file system (SQLite's locks and its shared memory are not kept there),
            belongs to somebody else, or cannot be made; or it or a file in it is a link.
    """
    try:
        private.make_folder(folder)
        _refuse_network(folder, mounts)
        path = folder / JOURNAL_FILE
        for name in (JOURNAL_FILE, RESERVE_FILE, *(f"{JOURNAL_FILE}-{end}" for end in ("wal", "shm", "journal"))):
            private.refuse_planted(folder / name)
        # SQLite gives the files beside it the mode of this one.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        if stat.S_IMODE(path.stat().st_mode) != 0o600:  # open to others, or closed to its owner by a umask
            path.chmod(0o600)
    except OSError as error:
        raise JournalError(
            f"the journal's folder cannot be used: {error.strerror}", where=str(folder), remedy="Set XDG_STATE_HOME to another"
        ) from error
    return path


def file_system_of(path: Path, mounts: Path) -> str | None:
    """Return the kind of file system that `path` is on, as the kernel calls it; None when that cannot be seen."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return None
    real = os.path.realpath(path)
    kind, longest = None, -1
    for line in lines:
        cells = line.split(" ")
        if len(cells) < 3:
            continue
        point = cells[1].encode().decode("unicode_escape")  # a space in it is written as \040
        inside = point == "/" or real == point or real.startswith(point + "/")
        if inside and len(point) >= longest:  # the later of two on one point covers the earlier
            kind, longest = cells[2], len(point)
    return kind


def _refuse_network(folder: Path, mounts: Path) -> None:
    kind = file_system_of(folder, mounts)
    if kind is None:
        return
    is_fuse = kind.startswith("fuse") and kind not in _LOCAL_FUSE and kind != "fusectl"
    if kind in NETWORK_FILE_SYSTEMS or is_fuse:
        raise JournalError(
            f"the journal would lie on {plain(kind, 40)}, which may be a network file system: SQLite is not safe there",
            where=str(folder),
            remedy="Set XDG_STATE_HOME to a folder on a disk of this machine, or use a PostgreSQL journal",
        )


class Reserve:
    """Disk space put by at the start of a run, and given back to the journal when the disk is full.

    A run that is half way must not stop because a log file elsewhere filled the disk.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / RESERVE_FILE

    def check(self) -> None:
        """Look whether the space could be put by, and take none of it.

        Raises:
            JournalError: There is not that much left.
        """
        try:
            held = self._path.stat().st_size if self._path.exists() else 0
            found = os.statvfs(self._path.parent)
        except OSError:
            return  # a file system that does not tell: `fill` will
        free = held + found.f_bavail * found.f_frsize
        if free < RESERVE_BYTES:
            raise JournalError(
                f"there are {free >> 20} MiB left for the journal, and a run puts {RESERVE_BYTES >> 20} MiB by",
                where=str(self._path.parent),
                remedy=f"Make room there: df -h {self._path.parent}",
            )

    def fill(self) -> None:
        """Put the space by.

        Raises:
            JournalError: There is not that much left: better said before a run than in the middle of it.
        """
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.fchmod(descriptor, 0o600)  # a umask may take away the user's own rights, too
                _allocate(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            with suppress(OSError):
                self._path.unlink()
            raise JournalError(
                f"{RESERVE_BYTES >> 20} MiB could not be put by for the journal: {error.strerror}",
                where=str(self._path.parent),
                remedy="Make room there before a run is started",
            ) from error

    def release(self) -> bool:
        """Give a slice of the space back to the file system; False when nothing is left."""
        try:
            size = self._path.stat().st_size
            if size == 0:
                return False
            os.truncate(self._path, max(0, size - _SLICE_BYTES))
        except OSError:
            return False
        return True


def _allocate(descriptor: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        return
    left = RESERVE_BYTES - os.fstat(descriptor).st_size
    while left > 0:
        os.pwrite(descriptor, b"\0" * min(left, _SLICE_BYTES), RESERVE_BYTES - left)
        left -= _SLICE_BYTES
