"""Files that are nobody else's: below the state folder, whatever the umask is, and never through a planted link."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from ppsconsole.inventory.places import FOLDER


def make_folder(folder: Path) -> None:
    """Make `folder`, and what is missing above it, for this user only; from the console's own folder on none may be a link.

    Raises:
        OSError: It cannot be made, is a link or no folder, or belongs to somebody else; its `strerror` says which and what to do.
    """
    own = next((each for each in (folder, *folder.parents) if each.name == FOLDER), folder)
    below = [folder, *(each for each in folder.parents if own in (each, *each.parents))] if folder != own else [folder]
    for each in reversed(below):
        _make(each)
        _refuse_foreign(each)


def _refuse_foreign(folder: Path) -> None:
    found = os.lstat(folder)
    if stat.S_ISLNK(found.st_mode):
        words = f"it is a symbolic link to {os.readlink(folder)}: remove it, or set XDG_STATE_HOME to where the files belong"
        raise OSError(errno.ELOOP, words, str(folder))
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it is no folder: move it away", str(folder))
    if found.st_uid != os.geteuid():
        words = f"the folder belongs to user id {found.st_uid}: set XDG_STATE_HOME to one of your own"
        raise PermissionError(errno.EPERM, words, str(folder))
    if stat.S_IMODE(found.st_mode) & 0o077:
        os.chmod(folder, 0o700)


def write(path: Path, text: str, *, is_durable: bool = False) -> None:
    """Put `text` into the place of `path`, whole or not at all, for this user only; a link there is replaced, not followed.

    Args:
        path: Below the state folder.
        text: All that is to be in it.
        is_durable: Wait for the disk: worth it for what somebody typed.

    Raises:
        OSError: As `make_folder`, or it cannot be written.
    """
    write_bytes(path, text.encode("utf-8", "replace"), is_durable=is_durable)


def write_bytes(path: Path, data: bytes, *, is_durable: bool = False) -> None:
    """Put `data` into the place of `path`, as `write` does with a text.

    Raises:
        OSError: As `write`.
    """
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    with suppress(FileNotFoundError):
        draft.unlink()  # of a process with the same number that died, or planted
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)  # a umask may take away the user's own rights, too
            file.write(data)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def refuse_planted(path: Path) -> None:
    """Refuse a file that is a link, no ordinary file, or somebody else's; one that is not there is fine.

    Raises:
        OSError: Its `strerror` says what it is and what to do.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, f"{path.name} is a symbolic link to {os.readlink(path)}: remove the link", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, f"{path.name} is no ordinary file: move it away", str(path))
    if found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, f"{path.name} belongs to user id {found.st_uid}: move it away", str(path))


def _make(folder: Path) -> None:
    """Make every missing folder with mode 700: `mkdir` with `parents` leaves those above to the umask."""
    missing = []
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        with suppress(FileExistsError):  # somebody else was quicker; what it is, is looked at next
            os.mkdir(each, 0o700)
            os.chmod(each, 0o700)  # a umask may take away the user's own rights, too
