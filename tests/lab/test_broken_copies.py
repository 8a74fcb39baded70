"""What is half-made, or lies otherwise than in a lab: commands of the way home against real data directories."""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.actions.clone import Clone, swap_command
from ppsconsole.actions.rewind import Recover
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step
from tests.lab.pg_pair import Node, Pair, end_pair, identity, make_pair, until, wheel_binaries
from tests.unit import runbook_cases

RUN = "RUN"


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    made = make_pair(wheel_binaries())
    made.primary.sql("CREATE TABLE bulk AS SELECT repeat('x', 900) AS text FROM generate_series(1, 20000)")
    made.await_streaming()
    yield made
    end_pair(made)


def inventory(pair: Pair) -> Inventory:
    """The standby is db1, which is to be copied anew from db2."""
    plain = runbook_cases.declared()
    source = pair.primary
    way = f"host={source.address} port={source.port} user=postgres"
    db1 = replace(
        plain.database.instances["db1"],
        data_directory=str(pair.standby.data),
        bin_directory=str(pair.standby.binaries),
        upstreams={"db2": way},
    )
    return replace(plain, database=replace(plain.database, instances={**plain.database.instances, "db1": db1}))


def sent(known: Inventory, verb: str) -> str:
    """What the verb sends to the host, as the plan shows it."""
    action = {"clone": Clone(), "recover": Recover()}[verb]
    [command] = action.commands(known, Step(verb, "", verb, "db1", "db1", {"source": "db2"}))
    return command.partition("$ ")[2]


def shell(node: Node, command: str, limit: str = "") -> "subprocess.CompletedProcess[str]":
    line = f"{limit}{command}"
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=node.folder, capture_output=True, text=True, timeout=120, check=False, **identity()
    )


def listed(node: Node) -> set[str]:
    return {each.name for each in node.folder.iterdir() if each.name.startswith("data")}


def test_a_copy_that_was_cut_off_is_never_used_and_is_made_anew_beside_it(pair: Pair) -> None:
    known, standby = inventory(pair), pair.standby
    pair.primary.sql("SELECT pg_create_physical_replication_slot('db1', true)")
    standby.stop()
    before = {each.relative_to(standby.data): each.stat().st_mtime_ns for each in standby.data.rglob("*")}
    system = pair.primary.sql("SELECT system_identifier::text FROM pg_control_system()")[0][0]
    step = Step("swap-in", "", "swap-in", "db1", "db1", {"source": "db2", "system": system, "old_system": system})
    swap = swap_command(known, step, RUN)

    # A full disk: no file may grow beyond 2 MB, which ends the copy in the middle of it.
    done = shell(standby, sent(known, "clone"), "ulimit -f 4000; trap '' XFSZ; ")
    assert (done.returncode, "File too large" in done.stderr) == (65, True), done.stderr
    assert f"data.clone-{RUN}" not in listed(standby), "it has not got the name of a whole one"
    shell(standby, swap)
    assert f"data.before-{RUN}" not in listed(standby), "what is half-made is not swapped in"

    # Its console is killed, and the copy with it, while files come in.
    part = standby.folder / f"data.clone-{RUN}.part"
    copying = subprocess.Popen(
        ["/bin/sh", "-c", sent(known, "clone")],
        cwd=standby.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **identity(),
    )
    until(lambda: (part / "base").exists() or copying.poll() is not None, "files to come in")
    os.killpg(copying.pid, signal.SIGKILL)
    copying.wait(60)
    half = copying.returncode == -signal.SIGKILL
    if half:
        assert not (part / "standby.signal").exists(), "nothing would take it for a standby"
        shell(standby, swap)
        assert f"data.before-{RUN}" not in listed(standby)

    done = shell(standby, sent(known, "clone"))
    assert done.returncode == 0, done.stderr
    whole = standby.folder / f"data.clone-{RUN}"
    assert (whole / "standby.signal").exists()
    aside = {f"data.clone-{RUN}.part.{number}" for number in range(1, 3 if half else 2)}
    assert {each for each in listed(standby) if ".part" in each} <= aside, "what was half-made is kept under another name"
    now = {each.relative_to(standby.data): each.stat().st_mtime_ns for each in standby.data.rglob("*")}
    assert now == before, "the old directory is as it was"

    assert shell(standby, swap).returncode == 0
    assert (standby.folder / f"data.before-{RUN}" / "PG_VERSION").exists()
    standby.start()
    assert standby.sql("SELECT pg_is_in_recovery(), (SELECT count(*) FROM bulk)") == [(True, 20000)]


def test_what_crashed_recovers_where_its_configuration_lies_elsewhere_as_on_debian(pair: Pair) -> None:
    known, standby = inventory(pair), pair.standby
    standby.sql("SELECT pg_promote()")
    until(lambda: standby.sql("SELECT pg_is_in_recovery()") == [(False,)], "it to be a primary")
    standby.sql("CREATE TABLE written AS SELECT 1 AS number")
    standby.stop(signal.SIGQUIT)
    (standby.data / "postgresql.conf").rename(standby.folder / "postgresql.conf")
    done = shell(standby, sent(known, "recover"))
    assert done.returncode == 0, done.stderr
    told = shell(standby, f"{shlex.quote(str(standby.binaries / 'pg_controldata'))} -D {standby.data}").stdout
    assert "shut down\n" in told, told
    assert not Path(standby.data / "postgresql.conf").exists()
