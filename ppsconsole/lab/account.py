"""Who the servers of a lab run as: nobody when root starts it (PostgreSQL refuses root), else the user himself."""

import os
import pwd
import shutil
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


def cache_folder(account: Account) -> Path | None:
    """Return the folder for what labs keep between runs, None when none can be made.

    root's own cache is closed to the service account, so root's labs use /var/cache.
    """
    base = Path("/var/cache") if account.is_dropped else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "ppsconsole"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        owner = folder.lstat()
    except (OSError, RuntimeError):
        return None
    # Programs are run from here: a folder that somebody else prepared is not used.
    if owner.st_uid != os.geteuid() or owner.st_mode & 0o022 or not os.access(folder, os.W_OK):
        return None
    return folder


def install(source: Path, parts: tuple[str, ...], target: Path) -> Path:
    """Copy `parts` (files or folders) of `source` to the folder `target` unless it is there; atomic, so that labs may race.

    Returns:
        `target`.
    """
    if target.exists():
        return target
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    draft.mkdir(mode=0o755)
    for part in parts:
        if (source / part).is_dir():
            shutil.copytree(source / part, draft / part, symlinks=True)
        elif (source / part).exists():
            shutil.copy2(source / part, draft / part)
    try:
        draft.rename(target)
    except OSError:
        remove_tree(draft)
        if not target.exists():
            raise
    return target


def remove_tree(path: Path) -> None:
    """Remove a file, a symbolic link (not what it points at) or a tree; nothing when it is not there."""
    if path.is_symlink() or path.is_file() or path.is_fifo() or path.is_socket():
        path.unlink(missing_ok=True)
    elif path.exists():
        shutil.rmtree(path, ignore_errors=False)
