"""A file system of its own for a test, of so many bytes: what is written beyond is refused by the system itself (ENOSPC).

It is a tmpfs, mounted on a folder of the test's and unmounted behind it, which takes root.
"""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PAGE_BYTES = 4096
"""What a tmpfs hands out."""


@dataclass(frozen=True)
class SmallDisk:
    """A file system that is mounted on `folder`."""

    folder: Path

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    @property
    def free_bytes(self) -> int:
        """What can still be written."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, spare_bytes: int = 0) -> None:
        """Use up what is free, but for so many bytes; more than once where something grows meanwhile."""
        with self._ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while self.free_bytes > spare_bytes:
                file.write(b"\0" * min(max(self.free_bytes - spare_bytes, _PAGE_BYTES), 1 << 20))

    def free(self) -> None:
        """Give back what was used up."""
        self._ballast.unlink(missing_ok=True)


def reason_to_skip() -> str:
    """Return why nothing can be mounted here; empty where it can."""
    with tempfile.TemporaryDirectory(prefix="small-disk-") as folder:
        try:
            with small_disk(Path(folder, "trial"), _PAGE_BYTES, os.geteuid()):
                return ""
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or error
            return f"no file system can be mounted here: {str(said).strip()}"


@contextlib.contextmanager
def small_disk(folder: Path, size: int, owner: int) -> Iterator[SmallDisk]:
    """Mount a file system of `size` bytes as `folder`, for the user with this number; both go, with all that is there.

    Raises:
        CalledProcessError: It may not be mounted here.
    """
    options = f"size={size},mode=0700,uid={owner},gid={owner}"
    folder.mkdir()
    _do("mount", "-t", "tmpfs", "-o", options, "small-disk", str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        _do("umount", "--lazy", str(folder))  # at once, also where a server that a failed test left still runs there
        folder.rmdir()


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
