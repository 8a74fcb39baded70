"""Logs of a real lab, read and followed by the command; and that nothing of it stays on the hosts."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ppsconsole.lab.layout import LAB_MARK
from ppsconsole.lab.processes import marked
from tests.lab.conftest import Lab, wait_for
from tests.lab.kill_nursery import shared_nursery

LIMIT_S = 180.0


def logs(lab: Lab, *words: str) -> "subprocess.CompletedProcess[str]":
    return shared_nursery().run(("-i", str(lab.inventory), "logs", *words), {**os.environ, **lab.env}, limit_s=LIMIT_S)


def readers(lab: Lab) -> list[str]:
    """Return the commands on the lab's hosts that read a log."""
    found = []
    for pid in marked(LAB_MARK, lab.state["id"]):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if "tail" in words or words.startswith("cat"):
            found.append(f"{pid}: {words}")
    return found


class Followed:
    """A command that follows a log, and what it has printed."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._threads = [threading.Thread(target=self._read, args=(stream,)) for stream in (process.stdout, process.stderr)]
        for thread in self._threads:
            thread.start()

    def _read(self, stream: Iterator[str]) -> None:
        self.lines.extend(line.rstrip("\n") for line in stream)

    def has(self, text: str) -> Callable[[], bool]:
        return lambda: any(text in line for line in self.lines)

    def end(self) -> None:
        for thread in self._threads:
            thread.join(LIMIT_S)


@contextmanager
def followed(lab: Lab, *words: str) -> Iterator[Followed]:
    command = [sys.executable, "-m", "ppsconsole", "-i", str(lab.inventory), "logs", *words, "--follow"]
    environ = {**os.environ, **lab.env}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        shown = Followed(process)
        try:
            yield shown
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(LIMIT_S)
            shown.end()


def test_each_kind_of_node_has_its_log(lab: Lab) -> None:
    database = logs(lab, "db1", "-n", "500", "--grep", "ready to accept")
    assert "database system is ready to accept connections" in database.stdout
    assert "db1: " in database.stderr
    assert "(the inventory)" in database.stderr
    web = logs(lab, "pps1", "-n", "500")
    assert "listens on" in web.stdout
    assert "also --log pps.log" in web.stderr
    listed = logs(lab, "lb1", "--list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["error.log", "access.log"]
    bastion = logs(lab, "bastion-a")
    assert (bastion.returncode, bastion.stdout) == (1, "")
    assert "keeps no log" in bastion.stderr


def test_lines_are_masked_and_bounded(lab: Lab) -> None:
    path = lab.home("web1") / "log" / "standin.log"
    with path.open("a") as file:
        file.write("password=hunter2hunter2 \x1b[2J\n" + "".join(f"line {n}\n" for n in range(1000)))
    shown = logs(lab, "pps1", "-n", "1001").stdout.splitlines()
    assert shown[0] == "password=••• ?[2J"
    assert shown[1:] == [f"line {n}" for n in range(1000)]
    assert logs(lab, "pps1", "-n", "2").stdout.splitlines() == ["line 998", "line 999"]
    assert logs(lab, "pps1", "-n", "3", "--grep", "NE 99").stdout == ""
    assert logs(lab, "pps1", "-n", "3", "--grep", "ne 99").stdout.splitlines() == ["line 997", "line 998", "line 999"]


def test_a_restart_is_followed_and_nothing_stays_when_the_command_dies(lab: Lab) -> None:
    with followed(lab, "db2", "-n", "0") as shown:
        wait_for(lambda: bool(readers(lab)), "the reader on the host", LIMIT_S)
        lab.fault("stop", "db2")
        wait_for(shown.has("received fast shutdown request"), "the stop in the log", LIMIT_S)
        lab.heal()
        wait_for(shown.has("ready to accept read-only connections"), "the start in the log", LIMIT_S)
        assert readers(lab), "it is still followed"
        shown.process.kill()
        wait_for(lambda: not readers(lab), f"no reader left: {readers(lab)}", LIMIT_S)


def test_a_line_that_drops_leaves_nothing_and_is_taken_up_where_it_was(lab: Lab) -> None:
    path = lab.home("web2") / "log" / "standin.log"

    def write(text: str) -> None:
        with path.open("a") as file:
            file.write(text + "\n")

    write("before the drop")
    with followed(lab, "pps2", "-n", "5") as shown:
        wait_for(shown.has("before the drop"), "the end of the log", LIMIT_S)
        lab.fault("stop", "bastion-b")
        wait_for(shown.has("not followed: "), "the drop", LIMIT_S)
        wait_for(lambda: not readers(lab), f"no reader left: {readers(lab)}", LIMIT_S)
        write("while nobody looked")
        lab.heal()
        wait_for(shown.has("while nobody looked"), "what was written meanwhile", LIMIT_S)
        write("after the drop")
        wait_for(shown.has("after the drop"), "what came then", LIMIT_S)
        told = [line for line in shown.lines if line in ("before the drop", "while nobody looked", "after the drop")]
        assert told == ["before the drop", "while nobody looked", "after the drop"], "each once"


def test_a_log_that_is_not_there_is_waited_for(lab: Lab) -> None:
    path = lab.home("lb1") / "log" / "error.log"
    aside = path.with_name("aside.log")
    path.rename(aside)
    try:
        missing = logs(lab, "lb1")
        assert missing.returncode == 1
        assert "does not exist on lb1; it is told by the inventory" in missing.stderr
        with followed(lab, "lb1") as shown:
            wait_for(shown.has("does not exist on lb1"), "what is missing", LIMIT_S)
            path.write_text("it is here now\n")
            wait_for(shown.has("it is here now"), "the new file", LIMIT_S)
    finally:
        aside.rename(path)
