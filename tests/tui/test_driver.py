"""What our driver and our application know of Textual beyond its documented interface: fails where a new Textual changes it."""

import inspect
import subprocess
import sys

import textual
from textual.app import App
from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver

from ppsconsole.tui.leaving import LeavingApp
from ppsconsole.tui.terminal.driver import SteadyDriver
from ppsconsole.tui.terminal.outlet import Outlet
from tests.tui.on_pty import ROOT


def test_what_is_known_of_textual_still_holds() -> None:
    assert textual.__version__ == "8.2.8", "read this test, the driver and the application's way out again, then change this line"
    assert "self._writer_thread = WriterThread(self._file)" in inspect.getsource(LinuxDriver.start_application_mode)
    assert "self.run_input_thread()" in inspect.getsource(LinuxDriver._run_input_thread)
    assert "self._key_thread.join()" in inspect.getsource(LinuxDriver.disable_input)
    assert 'self.write("\\x1b[?1049h")' in inspect.getsource(LinuxDriver.start_application_mode)
    assert 'self.write("\\x1b[?1049l")' in inspect.getsource(LinuxDriver.stop_application_mode)
    assert "self.close()" in inspect.getsource(Driver.suspend_application_mode)
    assert "flush()" in inspect.getsource(WriterThread.run)
    handled = inspect.getsource(App._handle_exception)
    assert "self._fatal_error()" in handled
    assert "self.panic(error)" in handled


def test_everything_that_is_overridden_exists() -> None:
    overridden = {
        SteadyDriver: "write close start_application_mode suspend_application_mode run_input_thread disable_input "
        "process_message",
        LeavingApp: "panic _handle_exception _fatal_error",
    }
    for ours, names in overridden.items():
        for name in names.split():
            assert name in vars(ours)
            assert any(name in vars(base) for base in ours.__mro__[1:]), f"{name} overrides nothing any more"


def test_a_terminal_that_takes_nothing_does_not_hold_the_end_up() -> None:
    """A pipe that nobody reads: the writer hangs in the kernel until it is sent elsewhere."""
    code = (
        "import os, sys, threading\n"
        "from ppsconsole.tui.terminal import outlet\n"
        "outlet._DRAIN_S = 0.1\n"
        "reading, writing = os.pipe()\n"
        "file = outlet.Outlet(open(writing, 'w', closefd=False), lambda: None)\n"
        "def write():\n"
        "    file.write('x' * 1_000_000)\n"
        "    file.flush()\n"
        "file.expect()\n"
        "thread = threading.Thread(target=write, daemon=True)\n"
        "thread.start()\n"
        "while not file._writer: pass\n"
        "assert file.is_busy\n"
        "file.drain()\n"
        "thread.join(60)\n"
        "os._exit(7 if thread.is_alive() or file.is_busy else 0)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False, cwd=ROOT).returncode == 0


def test_a_file_that_fails_fails_nobody() -> None:
    class Gone:
        def write(self, text: str) -> int:
            raise OSError(5, "gone")

        def flush(self) -> None:
            raise OSError(5, "gone")

    told: list[int] = []
    outlet = Outlet(Gone(), lambda: told.append(1))  # type: ignore[arg-type]
    outlet.expect()
    assert outlet.is_busy
    outlet.write("x")
    outlet.flush()
    assert not outlet.is_busy
    assert told == [1]
