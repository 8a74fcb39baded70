"""A PostgreSQL server of this run's own, in a scratch folder on a host, to restore a backup into: never beside the live one.

It listens to a socket in a folder that only the console's account can enter, and to no network. It hangs on the line: the shell
that has started it waits for its input to end, then stops it and removes the folder. So neither a console that dies nor a line
that breaks leaves a decrypted copy behind. A host that loses its power does: the next one takes that away.
"""

import asyncio
import re
import shlex
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.bundle_store import failed
from ppsconsole.actions.bundle_write import run_tag
from ppsconsole.drivers.base import OpenCommand
from ppsconsole.errors import Blocked, RunError, TimedOut
from ppsconsole.inventory.dependencies import Scratch
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain

DATABASE = "ppsconsole_verify"
FOLDER = "ppsconsole-verify-"
_READY = "@@ready"
_START_S = 180.0
_TIDY_S = 900.0
_MADE_MINUTES = 60
"""An empty folder may be one that is made at this moment, until it is so old."""
_END_S = 60.0
_LOOK_S = 20.0
_LONGEST_SOCKET = 107 - len("/.s.PGSQL.5432")
"""Bytes of a socket's path that Linux takes (sockaddr_un)."""

_SETTINGS = (
    "listen_addresses = ''", "fsync = off", "full_page_writes = off", "synchronous_commit = off", "wal_level = minimal",
    "max_wal_senders = 0", "max_connections = 20", "autovacuum = off", "dynamic_shared_memory_type = mmap", "huge_pages = off",
    "max_wal_size = 1GB", "shared_buffers = 64MB", "logging_collector = off",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScratchServer:
    """A server that runs for as long as the block that made it.

    Attributes:
        host: Where.
        folder: Everything of it is there, its socket as well.
        bin_directory: Its programs; empty for the PATH.
    """

    host: str
    folder: str
    bin_directory: str

    def program(self, name: str) -> str:
        """Return the path of one of its programs."""
        return program_in(self.bin_directory, name)

    def connection(self, database: str) -> str:
        """Return libpq's keywords that lead to one of its databases."""
        return f"host='{self.folder}' port=5432 user=postgres dbname={database}"


def program_in(bin_directory: str, name: str) -> str:
    """Return the path of a program."""
    return f"{bin_directory}/{name}" if bin_directory else name


def scratch_of(inventory: Inventory, place: str) -> tuple[Scratch, str]:
    """Return where backups of `place` are tried, and the folder of PostgreSQL's programs there, empty for the PATH.

    Raises:
        Blocked: None is declared.
    """
    backup = inventory.backups.get(place)
    if backup is None or backup.scratch is None:
        raise Blocked(f"{place} declares no `scratch`: there is no place to try it", where=place, remedy="Declare host and path")
    scratch = backup.scratch
    there = [each.bin_directory for each in inventory.database.instances.values() if each.host == scratch.host]
    return scratch, scratch.bin_directory or (there[0] if there and there[0] else "")


def scratch_folder(scratch: Scratch, run: str) -> str:
    """Return the folder of a run's scratch server.

    Raises:
        Blocked: Its socket's path would be longer than the system takes, or has characters that settings cannot hold.
    """
    folder = f"{scratch.path.rstrip('/')}/{FOLDER}{run_tag(run)}"
    if len(folder.encode()) > _LONGEST_SOCKET or re.search(r"[\s'\"\\,]", folder):
        words = f"at most {_LONGEST_SOCKET} bytes, without blanks, quotes and commas"
        raise Blocked(f"{folder} can hold no server's socket: {words}", where=scratch.host, remedy="Declare a shorter path")
    return folder


def begin_scratch_command(folder: str) -> str:
    """Return the command that makes the empty folder; what is sent over the held line works in it alone."""
    return f"umask 077; mkdir -p {shlex.quote(folder.rpartition('/')[0])} && mkdir {shlex.quote(folder)}"


def scratch_command(folder: str, bin_directory: str) -> str:
    """Return the command that makes and starts the server, says so, and takes it away when its input ends."""
    initdb, pg_ctl = (shlex.quote(program_in(bin_directory, name)) for name in ("initdb", "pg_ctl"))
    settings = " ".join(shlex.quote(line) for line in (*_SETTINGS, f"unix_socket_directories = '{folder}'"))
    return (
        f'umask 077; f={shlex.quote(folder)}; [ -d "$f" ] && cd "$f" || exit 66; '
        f"end() {{ trap '' HUP TERM INT PIPE; [ ! -e data/postmaster.pid ] || {pg_ctl} -D data -m immediate -w stop; "
        "cd /; rm -rf -- \"$f\"; } >/dev/null 2>&1; trap end EXIT; trap 'exit 1' HUP TERM INT PIPE; "
        f"LC_ALL=C {initdb} -D data -U postgres -A trust -N -E UTF8 --locale=C >log 2>&1 </dev/null "
        "|| { tail -n 5 log >&2; exit 1; }; "
        f"printf '%s\\n' {settings} >>data/postgresql.conf; "
        f"{pg_ctl} -D data -l log -w -t 120 start >/dev/null 2>&1 </dev/null || {{ tail -n 5 log >&2; exit 1; }}; "
        f"echo {_READY}; cat >/dev/null"
    )


def tidy_command(path: str) -> str:
    """Return the command that removes what earlier scratch servers left in `path`, and tells `removed FOLDER` of each.

    Only what is named as they are, belongs to the login, and has no process working in it: a server and the shell that it hangs
    on both do. Whatever else is there stays.
    """
    works = '[ "$p/cwd" -ef "$f" ] || [ "$p/cwd" -ef "$f/data" ]'
    return (
        f"cd /; m=$(id -u); for f in {shlex.quote(path.rstrip('/'))}/{FOLDER}*; do "
        '[ -d "$f" ] && [ ! -L "$f" ] && [ "$(stat -c %u -- "$f")" = "$m" ] || continue; '
        f"case ${{f##*/{FOLDER}}} in ''|*[!0-9a-z]*) continue;; esac; "
        f'[ -e "$f/log" ] || [ -e "$f/data" ] || [ -n "$(find "$f" -maxdepth 0 -mmin +{_MADE_MINUTES})" ] || continue; '
        f"u=; for p in /proc/[0-9]*; do if {works}; then u=yes; break; fi; done; "
        '[ -n "$u" ] || { rm -rf --one-file-system -- "$f" && echo "removed $f"; }; done; :'
    )


async def _tidied(bench: Workbench, scratch: Scratch) -> None:
    """Take away what an earlier one left when its host lost its power: a decrypted copy of everything.

    Raises:
        DriverError: The host could not be reached.
    """
    result = await bench.hosts.act(scratch.host, tidy_command(scratch.path), timeout_s=_TIDY_S)
    for line in result.stdout.splitlines():
        bench.say(f"{scratch.host}: {plain(line, 200)}, which an earlier verification left when its host lost its power")
    if result.stderr.strip():
        bench.say(f"{scratch.host}: something that an earlier verification left cannot be removed: {plain(result.stderr, 200)}")


@asynccontextmanager
async def scratch_server(bench: Workbench, place: str) -> AsyncGenerator[ScratchServer, None]:
    """Make a server on the host that `place` allows, and take it away at the end of the block.

    Raises:
        RunError: It could not be made.
        DriverError: The host could not be reached.
        Blocked: No place is declared.
    """
    scratch, bin_directory = scratch_of(bench.inventory, place)
    folder = scratch_folder(scratch, bench.run)
    await _tidied(bench, scratch)
    result = await bench.hosts.act(scratch.host, begin_scratch_command(folder), timeout_s=_LOOK_S)
    if result.exit_status != 0:
        raise failed("no scratch folder could be made", result, scratch.host)
    host = bench.inventory.hosts[scratch.host]
    talk: OpenCommand = await bench.tools.ssh.open(host, scratch_command(folder, bin_directory), timeout_s=_LOOK_S)
    try:
        try:
            async with asyncio.timeout(_START_S):
                line = await talk.line()
        except TimeoutError:
            raise TimedOut(f"no scratch server within {_START_S:g}s", where=scratch.host) from None
        if line != _READY:
            ended = await talk.end()
            words = plain(ended.stderr, 300) or f"status {ended.exit_status}"
            raise RunError(f"the scratch server was not made: {words}", where=scratch.host)
        yield ScratchServer(scratch.host, folder, bin_directory)
        async with asyncio.timeout(_END_S):
            await talk.end()
    except TimeoutError:
        raise TimedOut(f"the scratch server did not end within {_END_S:g}s", where=scratch.host) from None
    finally:
        talk.cut()


def is_gone_command(folder: str) -> str:
    """Return the command that succeeds when nothing of a scratch server is left."""
    return f"[ ! -e {shlex.quote(folder)} ]"
