"""Every way out of `run`, `runs resume` and `runs back-out` while a step is at work, on a terminal below a shell."""

import os
import shlex
import signal
import sys
from contextlib import closing
from pathlib import Path

from ppsconsole.engine.journal import open_journal
from tests.cli.gated_console import plan_now
from tests.cli.served_hosts import served_hosts, wait_for
from tests.tui.on_pty import Terminal, on_pty

STORY = (
    ("run switchover --to db2 --approve {hash}", "act stop-primary", "hang-up", "step-finished stop-primary"),
    ("runs resume --approve {hash}", "act prove", "interrupt", "step-finished prove"),
    ("runs back-out", "undo prove", "terminate", "undo-finished prove"),
    ("runs resume", "undo stop-primary", "close", "undo-finished stop-primary"),
)
"""What is typed, where it is when Ctrl-Z is pressed, how it is ended then, and the last record but that it is held."""

TOLD = ("step-started", "step-finished", "undo-started", "undo-finished", "held", "run-finished")


def left(folder: Path) -> tuple[list[str], set[str]]:
    """Return the last two records of what was done, and what the lease on the hosts says."""
    with closing(open_journal()) as journal:
        (record,) = journal.runs()
        records = [f"{each.kind} {each.step}".strip() for each in journal.events(record.id) if each.kind in TOLD]
    leases = (folder / name / ".ppsconsole" / "pps%20lab" / "lease" for name in ("h1", "h2"))
    return records[-2:], {each.read_text().splitlines()[0].split()[2] for each in leases if each.exists()}


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
    if how == "close":
        os.close(opened.master)
        opened.master = -1
    elif how == "interrupt":
        opened.press(b"\x03")
    else:
        os.kill(process, signal.SIGHUP if how == "hang-up" else signal.SIGTERM)
    if how != "close":
        opened.read_until_true(lambda _: b"leaving: the step at hand is finished and verified first" in opened.seen[began:])
    assert not (folder / f"{gate}.left").exists(), "the step is at hand"
    (folder / f"{gate}.go").touch()
    if how == "close":
        wait_for((folder / f"{gate}.left").exists, "its end")
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
            assert (code, *left(tmp_path)) == (5, [record, "held"], {"left"})
    acted = {each.stem: len(each.read_text().splitlines()) for each in tmp_path.glob("h?/*.count")}
    assert acted == dict.fromkeys(("stop-web", "stop-primary", "prove"), 1)
    assert [step for step in acted for _ in tmp_path.glob(f"h?/{step}")] == ["stop-web"], "what was not taken back yet"
