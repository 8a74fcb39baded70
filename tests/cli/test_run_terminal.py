"""`run` in front of somebody: what is asked, what counts as an answer, and that nothing happens by a slip of the hand."""

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, sys
from ppsconsole.cli.gate import Asker, Flags
from ppsconsole.engine.gates import answer_of
from ppsconsole.errors import PpsConsoleError
from tests.engine.scripted import scripted_plan

plan = scripted_plan(has_gates=True)
step = plan.step("promote")
asker = Asker(Flags(), is_terminal=True)

async def main():
    loop = asyncio.get_running_loop()
    import signal
    loop.add_signal_handler(signal.SIGTERM, asker.cancel)
    try:
        print("ANSWER", await answer_of(step, plan, asker))
        print("AGAIN", await answer_of(step, plan, asker))
    except PpsConsoleError as error:
        print("REFUSED", error)

print("READY", flush=True)
sys.stdin.readline()
asyncio.run(main())
"""


class Terminal:
    def __init__(self, master: int, process: "subprocess.Popen[bytes]") -> None:
        self._master, self.process, self.text = master, process, ""

    def until(self, words: str) -> str:
        """Read until `words` came; the program's end ends it too."""
        while words not in self.text:
            try:
                piece = os.read(self._master, 4096)
            except OSError:  # EIO: the other side is gone
                piece = b""
            if not piece:
                raise AssertionError(f"ended before {words!r}: {self.text}")
            self.text += piece.decode()
        return self.text

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())


@contextmanager
def asking(root: Path) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    # No echo: what the program prints is then all that is read.
    attributes = termios.tcgetattr(slave)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=slave, stdout=slave, stderr=slave, cwd=root, env={**os.environ, "TERM": "xterm"}
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(90)
        os.close(master)


@pytest.mark.parametrize(
    ("typed", "said"),
    [("lab\n", "AGAIN lab"), ("\n", "REFUSED"), ("y\n", "REFUSED"), ("LAB\n", "REFUSED"), ("\x04", "REFUSED")],
    ids=["name", "enter", "y", "other case", "end of input"],
)
def test_only_the_typed_name_goes_on(root: Path, typed: str, said: str) -> None:
    with asking(root) as terminal:
        terminal.until("READY")
        terminal.type("\n")
        terminal.until("Type lab to go on; Enter alone cancels: ")
        terminal.type(typed)
        terminal.until(said)


def test_what_was_typed_or_pasted_before_the_question_answers_nothing(root: Path) -> None:
    with asking(root) as terminal:
        terminal.until("READY")
        terminal.type("first\nlab\nlab\n")
        terminal.until("Type lab to go on")
        terminal.type("\n")
        assert "ANSWER" not in terminal.until("REFUSED")


def test_a_question_is_taken_back_when_somebody_wants_to_leave(root: Path) -> None:
    with asking(root) as terminal:
        terminal.until("READY")
        terminal.type("\n")
        terminal.until("Enter alone cancels: ")
        terminal.process.terminate()
        assert "REFUSED" in terminal.until("not answered")
