"""Restore and backup with an older PostgreSQL than the package's own: the one that the system brings."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ppsconsole.actions.copying import copy_name
from ppsconsole.actions.databases_aside import databases_aside
from tests.lab.acting import acting
from tests.lab.conftest import Lab, running_lab, wait_for

LIMIT_S = 180.0
COPIED = {"source": "db1"}


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Lab]:
    if not list(Path("/usr/lib/postgresql").glob("1[2-7]/bin/pg_basebackup")):
        pytest.skip("no older PostgreSQL of the system here")
    with running_lab(tmp_path, "--postgres", "system") as lab:
        yield lab


def promoted(lab: Lab) -> None:
    lab.sql("SELECT pg_promote()", "db2")
    wait_for(lambda: lab.sql("SELECT pg_is_in_recovery()", "db2") == [(False,)], "db2 is a server of its own", LIMIT_S)


def test_an_older_server_is_copied_compared_swapped_and_backed_up_all_the_same(older: Lab) -> None:
    """db2 is made a server of its own; the database of db1 is copied there, put in use, and back again."""

    async def main() -> None:
        async with acting(older) as doing:
            place = next(iter(doing.bench.inventory.backups))
            made = await doing.do("back-up", place, arguments={"source": "db1", "pps_version": ""}, timeout_s=LIMIT_S)
            assert made.values["bundle"]
            proved = await doing.do("verify-bundle", place, arguments={"pps_version": ""}, timeout_s=LIMIT_S)
            assert "all counts and hashes equal" in proved.words

            await asyncio.to_thread(promoted, older)
            for verb in ("check-copy", "dump-database", "restore-database"):
                await doing.do(verb, "db2", arguments=COPIED, timeout_s=LIMIT_S)
            compared = await doing.do("compare-databases", "db2", arguments=COPIED, timeout_s=LIMIT_S)
            assert "every table has the same rows on db2 as on db1: 5 tables, " in compared.words
            swapped = await doing.do("swap-database", "db2", arguments={"primary": "db1"}, timeout_s=LIMIT_S)
            name, run = doing.bench.inventory.database.database, doing.bench.run
            assert swapped.values["kept"] == copy_name(name, "before", run)
            await doing.undo("swap-database", "db2")
            await doing.undo("dump-database", "db2")

            path = f"database:{copy_name(name, 'restore', run)}"
            found, unseen = await databases_aside(doing.bench.inventory, doing.bench.tools.ssh, ["db2"])
            assert ([each.path for each in found], unseen) == ([path], {})
            await doing.do("drop-set-aside", "db2", arguments={"path": path}, timeout_s=LIMIT_S)
            assert await databases_aside(doing.bench.inventory, doing.bench.tools.ssh, ["db2"]) == ((), {})

    asyncio.run(asyncio.wait_for(main(), 3 * LIMIT_S))
