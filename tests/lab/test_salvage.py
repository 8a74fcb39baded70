"""A dead primary's log is brought over, and that is disturbed: a full disk, a stop that is asked for, a line that drops."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.actions.registry import ACTIONS
from ppsconsole.errors import DriverError, PpsConsoleError, RunError
from ppsconsole.plan.proof import ZeroLossProof
from ppsconsole.plan.step import Step
from tests.lab.acting import Acting, acting, step
from tests.lab.conftest import Lab
from tests.lab.preflight_faults import Scene

LIMIT_S = 180.0
FULL = "echo Filesystem 1024-blocks Used Available Capacity Mounted on; echo /dev/full 1000 990 10 99% /"
# What a full disk answers to a write, a file that may grow no more answers too; that limit takes no privilege.
NO_ROOM = "trap '' XFSZ; ulimit -f 10240; exec /usr/bin/env PATH=/usr/bin:/bin gzip \"$@\""


def killed_with_files_of_its_own(scene: Scene) -> None:
    """Kill the primary once it has some files of the log that the standby never got."""
    scene.lab.fault("disconnect", "db2", "--link", "replication")
    rows = "SELECT number, repeat(md5(number::text), 60) FROM generate_series(1, 20000) AS number"
    scene.sql("db1", f"CREATE TABLE only_here AS {rows}", database="pleasant")
    scene.lab.fault("kill", "db1")


def stand_in(lab: Lab, name: str, text: str) -> Path:
    """Have a program of the standby's host do something else."""
    program = lab.home("db2") / "bin" / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def files(lab: Lab) -> dict[str, int]:
    """Return the files of the standby's log by name, with their sizes; pieces of what is brought stand with their folder."""
    folder = lab.home("db2") / "data" / "pg_wal"
    return {str(each.relative_to(folder)): each.stat().st_size for each in folder.rglob("*") if each.is_file()}


def log(found: dict[str, int]) -> set[str]:
    return {name for name in found if len(name) == 24}


async def tried(doing: Acting, made: Step, hold: Callable[[int], bool]) -> PpsConsoleError:
    """Act, ask `hold` before each piece whether to stop, and return what came of it: never the proof."""
    count = itertools.count(1)
    doing.bench.is_hold_wanted = lambda: hold(next(count))
    with pytest.raises(PpsConsoleError) as told:
        await ACTIONS["salvage"].act(doing.bench, made)
    doing.bench.is_hold_wanted = lambda: False
    seen = await ACTIONS["salvage"].verify(doing.bench, made)
    assert (seen.state, seen.proofs) == ("no", ())
    return told.value


async def story(lab: Lab, doing: Acting) -> None:
    made = step("salvage", "db2", arguments={"primary": "db1"})
    salvage = ACTIONS["salvage"]
    doing.add(made)
    assert "no fence proof" in (await salvage.precheck(doing.bench, made)).words
    await doing.do("fence", "db1", arguments={"rung": "kept-down"})
    before = files(lab)

    # No room to be seen: it is not begun.
    program = stand_in(lab, "df", FULL)
    refused = await salvage.precheck(doing.bench, made)
    assert (refused.state, "has room for 10240 bytes" in refused.words) == ("no", True), refused.words
    program.unlink()
    found = await salvage.precheck(doing.bench, made)
    assert found.state == "yes", found.words
    doing.bench.note(made, **found.values)
    assert int(found.values["missing_bytes"]) > 2 * (16 << 20)

    # The room is used up meanwhile: nothing stands under a name of the log, and nothing takes room from a full disk.
    program = stand_in(lab, "gzip", NO_ROOM)
    full = await tried(doing, made, lambda count: False)
    assert isinstance(full, RunError)
    assert "was not written: " in full.what
    assert "File too large" in full.what
    assert log(files(lab)) == log(before)
    assert [name for name in files(lab) if name.endswith(".part")] == []
    program.unlink()

    # Somebody asks for the run to stop, in the middle of the second file.
    held = await tried(doing, made, lambda count: count == 6)
    assert "left, as was asked for" in held.what
    [part] = [name for name in files(lab) if name.endswith(".part")]
    arrived = log(files(lab)) - log(before)

    # It goes on there, and the line drops in the middle of the file after it.
    def cut(count: int) -> bool:
        if count == 6:
            lab.fault("kill", "bastion-b")
        return False

    doing.said.clear()
    assert isinstance(await tried(doing, made, cut), DriverError)
    lab.heal("bastion-b")
    assert any("going on at" in each for each in doing.said), doing.said
    assert log(files(lab)) > arrived
    assert part.removesuffix(".part").rpartition("/")[2] in log(files(lab))

    await salvage.act(doing.bench, made)
    seen = await salvage.verify(doing.bench, made)
    assert seen.state == "yes", seen.words
    [proof] = seen.proofs
    assert isinstance(proof, ZeroLossProof)
    assert proof.log_end_lsn == found.values["end_lsn"]

    # Backed out of, the standby keeps what it replayed: it is the log that streaming would have brought.
    await salvage.undo(doing.bench, made)
    back = await salvage.verify_undone(doing.bench, made)
    assert (back.state, "keeps what was brought" in back.words) == ("yes", True)
    assert [name for name in files(lab) if name.endswith(".part")] == []

    # Promoted meanwhile: a console that heard nothing of all this finds on the hosts that the log was whole.
    await asyncio.to_thread(lab.sql, "SELECT pg_promote()", "db2")
    unheard = replace(made, id="salvage-unheard")
    doing.add(unheard)
    late = await salvage.precheck(doing.bench, unheard)
    assert (late.state, "when it was promoted" in late.words) == ("yes", True), late.words
    assert late.values["end_lsn"] == found.values["end_lsn"]
    doing.bench.note(unheard, **late.values)
    await salvage.act(doing.bench, unheard)
    proved = await salvage.verify(doing.bench, unheard)
    assert (proved.state, [type(each) for each in proved.proofs]) == ("yes", [ZeroLossProof]), proved.words


def test_a_salvage_that_is_disturbed_leaves_nothing_half_written_and_goes_on_where_it_was_left(started_lab: Lab) -> None:
    scene = Scene(started_lab, started_lab.folder)

    async def main() -> None:
        async with acting(started_lab) as doing:
            await asyncio.to_thread(killed_with_files_of_its_own, scene)
            await story(started_lab, doing)

    asyncio.run(asyncio.wait_for(main(), LIMIT_S))
    assert scene.sql("db2", "SELECT count(*), pg_is_in_recovery() FROM only_here", database="pleasant") == [(20000, False)]
