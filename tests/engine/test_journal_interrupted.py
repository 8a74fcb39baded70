"""The journal where the disk is read-only, where its last records were torn, and where the clock steps during a run."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ppsconsole.engine.journal import open_journal
from ppsconsole.engine.state import state_of
from ppsconsole.errors import JournalError
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from tests.engine.scripted import Scene, World, scripted_plan

_WRITE_AND_DIE = """
import os, sys
from pathlib import Path
from ppsconsole.engine.journal import open_journal
from ppsconsole.plan.event import RunEvent
from tests.engine.scripted import scripted_plan
journal = open_journal(folder=Path(sys.argv[1]))
journal.start("aaaa", scripted_plan(), 1.0, "anna@ops1 pid 1")
for number in range(1, 31):
    journal.append(RunEvent("aaaa", number, 1.0, "output", "drain", f"line {number}"))
os._exit(0)
"""


def test_a_journal_that_became_read_only_is_refused_and_whole_afterwards(tmp_path: Path, root: Path) -> None:
    unshare = shutil.which("unshare")
    if subprocess.run([unshare or "false", "-rm", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs mount namespaces")
    command = [str(unshare), "-rm", sys.executable, "-m", "tests.engine.read_only", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert line.startswith(f"1 {tmp_path}/ppsconsole: the journal's folder cannot be used: Read-only file system. Set XDG")


def test_a_disk_of_a_few_kilobytes_that_is_full_is_told_without_speaking_of_a_run(tmp_path: Path, root: Path) -> None:
    unshare = shutil.which("unshare")
    if subprocess.run([unshare or "false", "-rm", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs mount namespaces")
    script = 'mount -t tmpfs -o size=16k tmpfs "$1" && ! head -c 65536 /dev/zero >"$1/log" && shift && exec "$@"'
    command = [str(unshare), "-rm", "sh", "-c", script, "sh", str(tmp_path), sys.executable, "-m", "ppsconsole"]
    ended = subprocess.run(
        [*command, "-i", "sample-inventory.yaml", "runs", "list", "--here"],
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "COVERAGE": ""},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=root,
        timeout=300,
        check=False,
    )
    folder = tmp_path / "ppsconsole"
    said = f"{folder}/journal.sqlite: the disk is full, and the journal cannot be opened. Make room there: df -h {folder}"
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, said)


def test_a_place_where_nothing_can_be_made_is_refused() -> None:
    with pytest.raises(JournalError, match=r"the journal's folder cannot be used: .*Set XDG_STATE_HOME to another"):
        open_journal(folder=Path("/proc/self/fdinfo/ppsconsole"))


@pytest.mark.parametrize("cut", [1, 100, 9000])
def test_a_last_record_that_was_torn_is_gone_and_all_before_it_are_there(cut: int, tmp_path: Path, root: Path) -> None:
    """What a power cut leaves of the write-ahead file: its end is missing, or is not what was written."""
    folder = tmp_path / "ppsconsole"
    subprocess.run([sys.executable, "-c", _WRITE_AND_DIE, str(folder)], cwd=root, check=True, timeout=120)
    wal = folder / "journal.sqlite-wal"
    size = wal.stat().st_size
    assert size > 20_000
    os.truncate(wal, size - cut)
    with wal.open("ab") as file:
        file.write(os.urandom(cut // 2))
    journal = open_journal(folder=folder)
    numbers = [event.number for event in journal.events("aaaa")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 20 <= len(numbers) < 30
    journal.append(RunEvent("aaaa", len(numbers) + 1, 2.0, "output", "drain", "and on"))
    journal.close()


class SteppingClock:
    """A wall clock that somebody sets hours back and forth while a run goes on; the other one never steps."""

    def __init__(self) -> None:
        self._asked, self._at = 0, 0.0

    def now(self) -> float:
        self._asked += 1
        return 1_000_000_000.0 + self._at + (3 * 3600.0 if self._asked % 3 == 0 else -5 * 3600.0 if self._asked % 3 == 1 else 0.0)

    def monotonic(self) -> float:
        self._at += 0.25
        return self._at

    async def sleep(self, delay_s: float) -> None:
        self._at += delay_s
        await asyncio.sleep(0)


def test_a_clock_that_steps_changes_no_order_and_no_duration() -> None:
    journal = open_journal()
    plan = scripted_plan()

    class Kept:
        def append(self, *events: RunEvent) -> None:
            journal.append(*events)

    journal.start("run1", plan, 5.0, "anna@ops1 pid 1")
    scene = Scene(World(), plan, records=Kept(), clock=SteppingClock())
    result = asyncio.run(scene.runner(state_of(plan, ())).run())
    events = journal.events("run1")
    journal.close()
    assert result.verdict is RunVerdict.SUCCESS
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    state = state_of(plan, events)
    assert [step.phase for step in state.steps] == ["done"] * len(plan.steps)
    assert all(step.took_s is not None and 0 <= step.took_s < 60 for step in state.steps)
    times = [event.at for event in events]
    assert times != sorted(times), "the clock did step"
