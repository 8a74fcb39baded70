"""The driver of the terminal: sends what changed, reads keys on the event loop, and outlives the terminal.

Textual 8.2's own driver reads in a thread that takes 0.2 s to end and looks up ten times a second, spins where the terminal is
gone, and blocks the event loop once thirty frames wait for a terminal that does not take them: with it the run. All that is known
here of Textual beyond its documented driver interface is pinned by `tests/tui/test_driver.py`.
"""

import asyncio
import codecs
import contextlib
import os
import signal
import termios
import time
import tty
from typing import TYPE_CHECKING, Any

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from ppsconsole.tui.terminal.differ import Differ
from ppsconsole.tui.terminal.escapes import ESC, Escapes
from ppsconsole.tui.terminal.messages import AskedToStop, HungUp
from ppsconsole.tui.terminal.outlet import Outlet

if TYPE_CHECKING:
    from textual.app import App

_READ_BYTES = 4096
_REPAINT_S = 0.3
"""After a change of size the application has that long to draw; then what was on the screen is drawn again."""
_TRIES = 20
_STOP_S = 0.3
"""How long a stop may take to happen; the kernel ignores it where nobody could continue the process."""


class SteadyDriver(LinuxDriver):
    """Textual's driver with another way out, another way in, and another way to leave."""

    def __init__(self, app: "App[Any]", **options: Any) -> None:
        super().__init__(app, **options)
        self._events = asyncio.get_running_loop()
        self._differ = Differ()
        self._outlet: Outlet | None = None
        if self._file is not None:
            self._outlet = Outlet(self._file, lambda: self._events.call_soon_threadsafe(self._taken))
            self._file = self._outlet  # type: ignore[assignment]
        self._is_listening = self._is_stopping = self._is_suspending = False
        self._parser = XTermParser(self._debug)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._escape: asyncio.TimerHandle | None = None
        self._escapes = Escapes()
        # Textual's handlers run between any two instructions, also in the middle of a frame; these run on the event loop.
        for number, act in ((signal.SIGTSTP, self._asked_to_stop), (signal.SIGCONT, self._continued)):
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                self._events.add_signal_handler(number, act)

    # out ------------------------------------------------------------------------------------------------------------

    def write(self, data: str) -> None:
        """Take something for the terminal; it is sent at once where the terminal takes it, and as one with the next elsewhere."""
        width, height = self._app.size
        self._differ.resize(width, height)
        self._differ.take(data)
        self._send()

    def repaint(self) -> None:
        """Send the whole screen: something else wrote on it."""
        self._differ.forget()
        self._send()

    def _send(self) -> None:
        # Outside of the alternate screen nothing is drawn, and what gives the terminal back must not wait.
        if self._outlet is not None and self._outlet.is_busy and self._differ.is_entered:
            return
        due = self._differ.due()
        if due:
            self._emit(due)

    def _emit(self, data: str) -> None:
        if self._outlet is not None:
            self._outlet.expect()
        super().write(data)

    def _taken(self) -> None:
        """The terminal took what it was sent: go on with what was drawn meanwhile."""
        if self._differ.is_entered:
            self._send()

    def say(self, words: str) -> None:
        """Write words on the terminal that was given back, below what stands there."""
        self._emit(f"{words}\n")

    def close(self) -> None:
        """End the thread that writes."""
        if self._outlet is not None and not self._is_suspending:
            self._outlet.drain()
        super().close()

    # in -------------------------------------------------------------------------------------------------------------

    def start_application_mode(self) -> None:
        """Take the terminal."""
        self._is_listening = True
        super().start_application_mode()  # type: ignore[no-untyped-call]
        told = signal.getsignal(signal.SIGWINCH)

        def resized() -> None:
            self._lose_frame()
            if callable(told):
                told(signal.SIGWINCH, None)

        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            self._events.add_signal_handler(signal.SIGWINCH, resized)

    def run_input_thread(self) -> None:
        """Read on the event loop: the thread that calls this ends at once."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._events.call_soon_threadsafe(self._listen)

    def disable_input(self) -> None:
        """Stop reading keys."""
        self._is_listening = False
        self._deafen()
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            self._events.remove_signal_handler(signal.SIGWINCH)
        super().disable_input()

    def process_message(self, message: Message) -> None:
        """Hand a message on; after a change of size nothing is known of what the terminal shows."""
        if isinstance(message, events.Resize):
            self._lose_frame()
        super().process_message(message)

    def _lose_frame(self) -> None:
        self._differ.forget()
        self._events.call_later(_REPAINT_S, self._taken)

    def _listen(self) -> None:
        if self._is_listening:
            with contextlib.suppress(OSError, NotImplementedError):  # a file or nothing: no keys will come from there
                self._events.add_reader(self.fileno, self._read)

    def _deafen(self) -> None:
        with contextlib.suppress(OSError, ValueError, NotImplementedError, RuntimeError):
            self._events.remove_reader(self.fileno)
        if self._escape is not None:
            self._escape.cancel()

    def _read(self) -> None:
        try:
            data = os.read(self.fileno, _READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # EIO: nobody holds the other side
            data = b""
        if not data:
            self._deafen()
            self.process_message(HungUp())
            return
        text = self._decoder.decode(data)
        for part in self._escapes.parts(text):
            self._take(part)
        if self._escape is not None:
            self._escape.cancel()
        # Whether Esc was a key, or began a sequence, is known once nothing follows.
        self._escape = self._events.call_later(constants.ESCAPE_DELAY + 0.005, self._decide_escape)

    def _take(self, part: str) -> None:
        for message in (events.Key("escape", ESC),) if part == ESC else self._parser.feed(part):
            self.process_message(message)

    def _decide_escape(self) -> None:
        if late := self._escapes.late():
            self._take(late)
        for message in self._parser.tick():
            self.process_message(message)

    def let_go(self) -> None:
        """Put something silent in the place of a terminal that hung up: what goes on for a while must not trip over it."""
        self._is_listening = False
        self._deafen()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            with contextlib.suppress(OSError):
                os.dup2(nowhere, number)
        os.close(nowhere)

    # stopping and going on ------------------------------------------------------------------------------------------

    def _asked_to_stop(self) -> None:
        self.process_message(AskedToStop())

    def suspend_application_mode(self) -> None:
        """Give the terminal back for a while; a frozen one is waited for, it is wanted again."""
        self._is_suspending = True
        try:
            super().suspend_application_mode()
        finally:
            self._is_suspending = False

    def stop_process(self, farewell: str = "") -> bool:
        """Give the terminal back and stop, as Ctrl-Z does elsewhere; take it again when the shell continues the process.

        The whole process group is stopped: a program that started this one and waits for it has to stop too, for the shell to
        come back. Textual sends SIGSTOP instead, which stops also where no shell is left to continue: a terminal lost for good.

        Args:
            farewell: What is said on the terminal before.

        Returns:
            Whether it was stopped, and goes on now.
        """
        continued: list[int] = []
        self.suspend_application_mode()
        if farewell and self._outlet is not None:
            self._outlet.expect()
            self._outlet.write(f"{farewell}\n")
            self._outlet.flush()
        self._is_stopping = True
        self._events.remove_signal_handler(signal.SIGTSTP)
        self._events.remove_signal_handler(signal.SIGCONT)
        signal.signal(signal.SIGCONT, lambda number, _: continued.append(number))
        try:
            os.kill(0, signal.SIGTSTP)
            until = time.monotonic() + _STOP_S
            while not continued and time.monotonic() < until:
                time.sleep(0.01)
            self._take_again()
        finally:
            self._events.add_signal_handler(signal.SIGTSTP, self._asked_to_stop)
            self._events.add_signal_handler(signal.SIGCONT, self._continued)
            self._is_stopping = False
        return bool(continued)

    def _continued(self) -> None:
        """Take the terminal again after somebody stopped the process without asking it: its modes are the shell's now."""
        if not self._is_listening or self._is_stopping:
            return
        if self._has_modes():
            self.repaint()  # nobody took it in between; taking it again would throw away what was typed
        else:
            self.suspend_application_mode()
            self._take_again()

    def _has_modes(self) -> bool:
        try:
            return not termios.tcgetattr(self.fileno)[tty.LFLAG] & (termios.ICANON | termios.ECHO)
        except termios.error:
            return False

    def _take_again(self) -> None:
        """Take the terminal once it is ours: continued in the background, the process is stopped again until it is not."""
        for _ in range(_TRIES):
            if self._is_foreground():
                self.resume_application_mode()
                if self._differ.is_entered:
                    return
            else:
                # Before Textual tries: its own SIGSTOP, sent from a handler, may come after the signal that continues.
                os.kill(0, signal.SIGTTOU)
                time.sleep(0.02)
        self.process_message(HungUp())

    def _is_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self.fileno) == os.getpgrp()
        except OSError:  # no terminal that controls us: nobody stops us either
            return True
