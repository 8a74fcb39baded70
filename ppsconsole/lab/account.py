"""Who the servers of a lab run as: nobody when root starts it (PostgreSQL refuses root), else the user himself."""

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppsconsole.errors import LabError


@dataclass(frozen=True, slots=True)
class Account:
    """The service account.

    Attributes:
        is_dropped: Whether the supervisor is root and drops to this account for whatever it runs.
    """

    uid: int
    gid: int
    name: str
    is_dropped: bool

    def popen_arguments(self) -> dict[str, Any]:
        """Return the arguments of `subprocess.Popen` that run a program under this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_dropped else {}

    def own(self, path: Path) -> None:
        """Give `path` (not what is below it) to this account."""
        if self.is_dropped:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def make_folder(self, path: Path, mode: int = 0o700) -> Path:
        """Create a folder that belongs to this account."""
        path.mkdir()
        path.chmod(mode)
        self.own(path)
        return path

    def write(self, path: Path, text: str, mode: int = 0o600) -> Path:
        """Write a file that belongs to this account; it is never readable by others before it has its mode."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
        self.own(path)
        return path

    def can_enter(self, folder: Path) -> bool:
        """Return whether this account can use what is in `folder`."""
        if not self.is_dropped:
            return os.access(folder, os.X_OK)
        probe = subprocess.run(
            ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            **self.popen_arguments(),
        )
        return probe.returncode == 0


def service_account() -> Account:
    """Return the account for this run.

    Raises:
        LabError: root without an account `nobody`, or a user id that is in no passwd (PostgreSQL looks it up).
    """
    try:
        entry = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    except KeyError:
        raise LabError(
            "the account that would run the servers is not known to this machine",
            where="lab",
            remedy="Start the lab as an ordinary user of this machine",
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, is_dropped=os.geteuid() == 0)


def install(source: Path, parts: tuple[str, ...], target: Path) -> None:
    """Put `parts` (files or folders) of `source` into the new folder `target`, as links to the same files where that can be.

    A copy is made where the folders are on different file systems, or where a file's mode would keep others from it. What
    building against a server takes (headers, static libraries) is left out.
    """
    target.mkdir(mode=0o755)
    for part in parts:
        if (source / part).is_dir():
            unused = shutil.ignore_patterns("include", "*.a", "__pycache__")
            shutil.copytree(source / part, target / part, symlinks=True, ignore=unused, copy_function=_link)
        elif (source / part).exists():
            _link(str(source / part), str(target / part))
    # copytree takes over the modes of folders, which may be private.
    for folder, _, _ in os.walk(target):
        os.chmod(folder, 0o755)


def _link(source: str, target: str) -> None:
    mode = os.stat(source, follow_symlinks=False).st_mode
    if stat.S_ISREG(mode) and mode & 0o004 and bool(mode & 0o001) == bool(mode & 0o100):
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target, follow_symlinks=False)
    if stat.S_ISREG(mode):
        os.chmod(target, 0o755 if mode & 0o100 else 0o644)


def remove_tree(path: Path) -> None:
    """Remove a file, a symbolic link (not what it points at) or a tree; nothing when it is not there."""
    if path.is_symlink() or path.is_file() or path.is_fifo() or path.is_socket():
        path.unlink(missing_ok=True)
    elif path.exists():
        shutil.rmtree(path, ignore_errors=False)
