"""Reading the inventory's bytes, unless somebody else could have written them."""

import os
import stat

from ppsconsole.errors import InventoryError, Mistake

LIMIT_BYTES = 16 * 2**20
"""An inventory of 1,000 hosts has a third of a megabyte; what is larger than this is another kind of file."""


def read(path: str) -> bytes:
    """Return the bytes of the file at `path`.

    Whoever can change the inventory decides which host the console trusts and what it runs there, so a file that others can
    write, or replace because its folder is open to all, is refused; so is one that another ordinary user owns.

    Raises:
        InventoryError: The file is missing, unreadable, not a file, too large, or could have been changed by others.
    """
    place = os.path.expanduser(path)
    try:
        # O_NONBLOCK: opening a pipe for reading would wait for its writer.
        handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise _refusal(path, *_why_not_opened(error)) from None
    try:
        status = os.fstat(handle)
        mistakes = _kind(path, status) or [*_owner(path, status), *_mode(path, status), *_folders(path, place)]
        if mistakes:
            raise InventoryError(tuple(mistakes))
        with os.fdopen(os.dup(handle), "rb") as file:
            return file.read(LIMIT_BYTES)
    except OSError as error:
        raise _refusal(path, *_why_not_opened(error)) from None
    finally:
        os.close(handle)


def _refusal(path: str, what: str, allowed: str) -> InventoryError:
    return InventoryError((Mistake(path, 0, 0, what, allowed),))


def _why_not_opened(error: OSError | ValueError) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "no such file", "name an existing inventory; `ppsconsole inventory init` writes one"
    if isinstance(error, PermissionError):
        return "the file may not be read by this user", "ask its owner, or run the console as the user who owns it"
    words = error.strerror if isinstance(error, OSError) and error.strerror else "the path is not valid"
    return f"the file cannot be read: {words}", "name a readable file"


def _kind(path: str, status: os.stat_result) -> list[Mistake]:
    if stat.S_ISDIR(status.st_mode):
        return [Mistake(path, 0, 0, "this is a folder", "name the YAML file in it")]
    if not stat.S_ISREG(status.st_mode):
        return [Mistake(path, 0, 0, "this is not a regular file", "name a YAML file")]
    if status.st_size >= LIMIT_BYTES:
        return [Mistake(path, 0, 0, f"the file has {status.st_size} bytes", f"an inventory has less than {LIMIT_BYTES}")]
    return []


def _owner(path: str, status: os.stat_result) -> list[Mistake]:
    if status.st_uid in (0, os.geteuid()):
        return []
    what = f"the file belongs to another user (uid {status.st_uid}), who can change it at any time"
    return [Mistake(path, 0, 0, what, f"it has to belong to you or to root: chown {os.geteuid()} {path}")]


def _mode(path: str, status: os.stat_result) -> list[Mistake]:
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not others:
        return []
    who = {stat.S_IWGRP: "its group", stat.S_IWOTH: "everybody"}.get(others, "its group and everybody")
    what = f"the file can be written by {who} (mode {stat.S_IMODE(status.st_mode):04o})"
    return [Mistake(path, 0, 0, what, f"only its owner may: chmod go-w {path}")]


def _folders(path: str, place: str) -> list[Mistake]:
    """Look at the folder that `path` names and, behind a symbolic link, at the one that really holds the file."""
    mistakes = []
    named, real = (os.path.dirname(os.path.abspath(place)), os.path.dirname(os.path.realpath(place)))
    for folder in dict.fromkeys((named, real)):
        mode = os.stat(folder).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            what = f"its folder {folder} can be written by everybody (mode {stat.S_IMODE(mode):04o}), so the file can be replaced"
            mistakes.append(Mistake(path, 0, 0, what, f"close the folder: chmod o-w {folder}"))
    return mistakes
