"""Files of a log that a server made in advance, full of zeros: pg_waldump gives up over the first one that its folder lists.

It does where it is told no file, and which one a folder lists first is chance: a loss was not known then, or not listed.
"""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

from ppsconsole.actions.dead_wal import Behind, dead_wal_command, parse_dead_wal
from ppsconsole.actions.lost_log import lost_log_command, parse_lost_log
from ppsconsole.actions.remnant import beyond_command
from ppsconsole.cluster.database import lsn_number
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Instance
from tests.lab.postgres_server import binaries, running_postgres, shared_folder

SEGMENT = 16 << 20
NAMED = re.compile("[0-9A-F]{24}")


def ran(command: str) -> CommandResult:
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=180, check=False)
    return CommandResult(done.returncode, done.stdout, done.stderr, 0.0)


def make_in_advance(wal: Path) -> None:
    """Make files as a server does, until the folder lists one of them first."""
    last = max(each.name for each in wal.iterdir() if NAMED.fullmatch(each.name))
    for number in range(1, 200):
        with (wal / f"{last[:16]}{int(last[16:], 16) + number:08X}").open("wb") as file:
            file.truncate(SEGMENT)
        first = next(name for name in os.listdir(wal) if NAMED.fullmatch(name))
        if (wal / first).read_bytes()[:2] == b"\0\0":
            return
    raise AssertionError("the folder lists none of them first")


def test_a_loss_is_read_past_files_that_were_made_in_advance() -> None:
    with shared_folder() as folder, running_postgres(folder / "server") as server:
        server.execute("CREATE TABLE entries (n int)")
        [(fork,)] = server.execute("SELECT pg_current_wal_insert_lsn()::text")
        for number in range(3):
            server.execute(f"INSERT INTO entries VALUES ({number})")
        [(system,)] = server.execute("SELECT system_identifier::text FROM pg_control_system()")
        server.stop(signal.SIGQUIT)
        wal, programs = server.data / "pg_wal", binaries(server.folder)
        make_in_advance(wal)

        bare = ran(f"LC_ALL=C {shlex.quote(str(programs / 'pg_waldump'))} -t 1 -p {shlex.quote(str(wal))} -s {fork}")
        assert "(0 bytes)" in bare.stderr, "this is what it is about"

        listed = parse_lost_log(ran(lost_log_command(str(programs / "pg_waldump"), str(wal), 1, str(fork))), str(fork), SEGMENT)
        assert listed.trouble == ""
        assert listed.count == 3

        instance = Instance("db1", host="h1", data_directory=str(server.data), bin_directory=str(programs))
        behind = Behind("db2", str(fork), str(fork), 1, str(system))
        start = lsn_number(str(fork)) // SEGMENT * SEGMENT
        found = parse_dead_wal(ran(dead_wal_command(instance, behind, start)), DeadWal("db1", "db2", str(fork), 0.0), behind)
        assert found.trouble == "", found
        assert found.commits == 3
        assert found.end_lsn == listed.end_lsn

        here = f"{1:08X}{0:08X}{lsn_number(str(fork)) // SEGMENT:08X}"
        assert "rmgr:" in ran(beyond_command(instance, 1, str(fork), here, here)).stdout, "something was written behind the fork"
