"""The journal's disk goes under a run: no further step acts, it says what to do, and nothing is done twice after that."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.errors import JournalError
from ppsconsole.plan.event import RunEvent
from tests.engine.scripted import Memory, Scene, World
from tests.engine.test_session import STEPS

DONE = {"stop-web": 1, "stop-primary": 1}


@pytest.mark.parametrize(
    ("lost_behind", "faults", "code"),
    [
        ("", {}, 1),
        ("stop-primary", {}, 5),
        ("started stop-web", {}, 5),
        ("stop-primary", {("stop-primary", "verify"): "no"}, 5),
        ("stop-primary", {("stop-primary", "verify"): "unknown"}, 6),
        ("follow", {}, 5),
    ],
)
def test_a_run_without_its_journal_has_the_exit_code_of_where_it_stands(
    lost_behind: str, faults: dict[tuple[str, str], str], code: int
) -> None:
    class Lost(Memory):
        def append(self, *events: RunEvent) -> None:
            begun = [f"started {each.step}" for each in self.events if each.kind == "step-started"]
            if not lost_behind or lost_behind in (*scene.world.acts, *begun):
                raise JournalError("the disk is gone")
            super().append(*events)

    scene = Scene(World(), records=Lost())
    scene.world.faults.update(faults)

    async def cut() -> int:
        runner = scene.runner()
        with pytest.raises(JournalError, match="the disk is gone"):
            await runner.run()
        behind = "drain" if lost_behind == "started stop-web" else lost_behind
        assert scene.world.acts[-1:] == [behind] * bool(behind), "nothing is begun behind it"
        found = runner.standing()
        await runner.recorder.aclose()
        return found.exit_code

    assert asyncio.run(cut()) == code


def played(case: str, folder: Path, root: Path, *before: str) -> list[dict[str, Any]]:
    command = [*before, sys.executable, "-m", "tests.engine.journal_lost", str(folder), case]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=400, check=False)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def went_on(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert (first["exit_code"], first["done"], first["lease"]) == (5, DONE, ["left", "left"]), "the step at hand was the last"
    assert first["result"] == [5, "held", first["said"]]
    assert second == {"run": first["run"], "verdict": "success", "done": dict.fromkeys(STEPS, 1), "lease": []}


def test_a_disk_that_becomes_read_only_under_a_run_stops_it(tmp_path: Path, root: Path) -> None:
    first, second = played("read-only", tmp_path, root)
    place = f"{tmp_path}/disk/state/journal.sqlite"
    assert first["said"] == (
        f"{place}: the journal's disk takes nothing any more: disk I/O error. See what befell the disk "
        f"(dmesg | tail; findmnt -T {place}), make it writable, resume the run"
    )
    went_on(first, second)


def unshared() -> tuple[str, str]:
    unshare = shutil.which("unshare")
    if subprocess.run([unshare or "false", "-rm", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs mount namespaces")
    return str(unshare), "-rm"


def test_a_disk_that_is_mounted_read_only_between_two_records_stops_a_run(tmp_path: Path, root: Path) -> None:
    first, second = played("remounted", tmp_path, root, *unshared())
    assert first["said"].startswith(f"{tmp_path}/disk/state/journal.sqlite: the journal's disk takes nothing any more: ")
    assert "make it writable, resume the run" in first["said"]
    went_on(first, second)


def test_a_disk_that_is_full_begins_no_run_and_stops_one_when_nothing_is_put_by_any_more(tmp_path: Path, root: Path) -> None:
    first, second = played("full", tmp_path, root, *unshared())
    assert first["refused"] == (
        f"{tmp_path}/disk/state: 8 MiB could not be put by for the journal: No space left on device. "
        "Make room there before a run is started"
    )
    assert first["touched"] == [{}, {}, 0], "neither a host nor a lease nor the journal"
    assert first["said"].endswith("the disk is full, and so is what was put by. Make room, then resume the run")
    went_on(first, second)
