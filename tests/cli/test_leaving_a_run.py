"""Every way out of `run`, `runs resume` and `runs back-out` while a step is at work, on a terminal below a shell."""

import asyncio
import os
import shlex
import sys
from contextlib import closing, suppress
from pathlib import Path

from ppsconsole.cli.gate import Asker, Flags
from ppsconsole.engine.journal import open_journal
from tests.cli.gated_console import plan_now
from tests.cli.served_hosts import served_hosts
from tests.engine.hosts import DEADLINE_S
from tests.engine.scripted import scripted_plan
from tests.lab.conftest import wait_for
from tests.tui.on_pty import Terminal, on_pty

STORY = (
    ("run switchover --to db2 --approve {hash}", "act stop-primary", "hang-up", "step-finished stop-primary"),
    ("runs resume --approve {hash}", "act prove", "interrupt", "step-finished prove"),
    ("runs back-out", "undo prove", "terminate, nothing taken", "undo-finished prove"),
    ("runs resume", "undo stop-primary", "close", "undo-finished stop-primary"),
)
"""What is typed, where it is when Ctrl-Z is pressed, how it is ended then, and the last record but that it is held."""

TOLD = ("step-started", "step-finished", "undo-started", "undo-finished", "held", "run-finished")


def leases(folder: Path) -> set[str]:
    """Return what the lease says on the hosts: it is `held`, or was `left`."""
    said = set()
    for name in ("h1", "h2"):
        with suppress(FileNotFoundError):  # it is moved away for a moment as it is changed
            lease = folder / name / ".ppsconsole" / "pps%20lab" / "lease"
            said.add(lease.read_text().splitlines()[0].split()[2])
    return said


def last_two() -> list[str]:
    """Return the last two records of what was done."""
    with closing(open_journal()) as journal:
        (run,) = journal.runs()
        return [f"{each.kind} {each.step}".strip() for each in journal.events(run.id) if each.kind in TOLD][-2:]


def play(opened: Terminal, folder: Path, words: str, gate: str, how: str) -> int:
    """Run a command, try to stop it in the middle of a step, end it so, and return its exit code."""
    program = [sys.executable, "-m", "tests.cli.gated_console", str(folder), gate, *words.split()]
    began = len(opened.seen)
    opened.press(f"{shlex.join(program)}; echo left with $?\r".encode())
    opened.read_until_true(lambda _: (folder / f"{gate}.met").exists())
    process = os.tcgetpgrp(opened.master)
    opened.press(b"\x1a")
    opened.read_until_true(lambda _: b"not stopped: that would leave the run half way" in opened.seen[began:])
    assert os.tcgetpgrp(opened.master) == process != opened.process.pid, "the shell did not take its terminal back"
    assert Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "T"
    is_frozen = how.endswith("nothing taken")
    if is_frozen:
        opened.press(b"\x13")
    opened.strike(process, how)
    if how != "close" and not is_frozen:
        opened.read_until_true(lambda _: b"leaving: the step at hand is finished and verified first" in opened.seen[began:])
    assert not (folder / f"{gate}.left").exists(), "the step is at hand"
    (folder / f"{gate}.go").touch()
    if is_frozen:
        wait_for(lambda: leases(folder) == {"left"}, "it lets go of the run although its terminal takes nothing", DEADLINE_S)
        opened.press(b"\x11")
    if how == "close":
        wait_for((folder / f"{gate}.left").exists, "its end", DEADLINE_S)
    else:
        opened.read_until_true(lambda _: b"\nleft with " in opened.seen[began:])
        assert b"Traceback" not in opened.seen[began:]
    return int((folder / f"{gate}.left").read_text())


def test_a_run_is_left_in_every_way_and_stopped_in_none(tmp_path: Path) -> None:
    approved = plan_now().hash
    with served_hosts(tmp_path), on_pty(["sh", "-i"], size=(200, 50), PS1="ready> ", ENV="") as opened:
        opened.read_until("ready>")
        for words, gate, how, record in STORY:
            code = play(opened, tmp_path, words.format(hash=approved), gate, how)
            assert (code, last_two(), leases(tmp_path)) == (5, [record, "held"], {"left"})
    acted = {each.stem: len(each.read_text().splitlines()) for each in tmp_path.glob("h?/*.count")}
    assert acted == dict.fromkeys(("stop-web", "stop-primary", "prove"), 1)
    assert [step for step in acted for _ in tmp_path.glob(f"h?/{step}")] == ["stop-web"], "what was not taken back yet"


def test_a_question_waits_for_a_terminal_that_takes_nothing_until_somebody_wants_to_leave() -> None:
    plan = scripted_plan(has_gates=True)
    step, asker, looks = plan.step("promote"), Asker(Flags(), is_terminal=True), []

    def is_heard() -> bool:
        looks.append("looked")
        if len(looks) == 2:
            asker.cancel()
        return False

    asker.is_heard = is_heard
    assert step.gate is not None
    assert asyncio.run(asker(step.gate, step, plan)) is None
    assert len(looks) == 2
