"""Every way out of the console but its own keys: signals, a terminal that is gone, Ctrl-Z, a mistake of ours.

The terminal is given back first; then what has to be said is said on it.
"""

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any, Generic

from textual.binding import Binding

from ppsconsole.tui.sheets import Result, SheetsApp
from ppsconsole.tui.terminal.messages import AskedToStop, HungUp

if TYPE_CHECKING:
    from ppsconsole.tui.crash import Crash

CODES = {signal.SIGHUP: 129, signal.SIGTERM: 143}
"""Exit codes as a shell reports them: 128 + signal."""

JOB_CONTROL = Binding("ctrl+z", "stop_process", "Stop; fg goes on", show=False, priority=True)
"""The key that every terminal's user knows; no other may be given to it, and it is given no other."""

_NO_SHELL = "There is no shell to go back to: this console was started without one. q leaves."


class LeavingApp(SheetsApp[Result], Generic[Result], inherit_bindings=False):
    """Gives the terminal back, whatever happens.

    Attributes:
        crash: The mistake that ended it; None while there is none.
    """

    crash: "Crash | None" = None

    # for the application to say -------------------------------------------------------------------------------------

    def leave_with(self, code: int, *, is_line_lost: bool = False) -> None:
        """Leave in order.

        Args:
            code: The exit code.
            is_line_lost: Nobody sees the terminal any more.
        """
        raise NotImplementedError

    def why_not_stop(self) -> str:
        """Return why the process must not be stopped now; empty where it may be."""
        return ""

    def standing(self) -> str:
        """Return where the run stands and how to go on with it; empty where none is open."""
        return ""

    def went_on(self) -> None:
        """The process was stopped for a while and goes on."""

    # signals --------------------------------------------------------------------------------------------------------

    def catch_signals(self) -> None:
        """Leave in order on hang-up and termination: without this, Textual dies and leaves the terminal as it is."""
        loop = asyncio.get_running_loop()
        for number, code in CODES.items():
            # Outside of the main thread (tests), and on other systems, there is nothing to catch.
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                loop.add_signal_handler(number, self._leave_on, number, code)

    def release_signals(self) -> None:
        """Let signals do again what they do without us."""
        loop = asyncio.get_running_loop()
        for number in CODES:
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                loop.remove_signal_handler(number)

    def _leave_on(self, number: signal.Signals, code: int) -> None:
        self.leave_with(code, is_line_lost=number == signal.SIGHUP)

    def on_hung_up(self, _: HungUp) -> None:
        """Leave as on a hang-up where the terminal is gone and nobody said so."""
        self._leave_on(signal.SIGHUP, CODES[signal.SIGHUP])

    def let_go(self) -> None:
        """Go on without the terminal, which hung up."""
        if (driver := self._steady()) is not None:
            driver.let_go()

    def on_asked_to_stop(self, _: AskedToStop) -> None:
        """Stop as with the key."""
        self.action_stop_process()

    # Ctrl-Z ---------------------------------------------------------------------------------------------------------

    def action_stop_process(self) -> None:
        """Give the terminal back to the shell and stop, where nothing would be left half way by that."""
        refusal = self.why_not_stop()
        if refusal:
            self.notify(refusal, title="Not stopped", severity="warning", timeout=8, markup=False)
            return
        driver = self._steady()
        if driver is None:
            return
        has_stopped = driver.stop_process("\n".join(filter(None, ("ppsconsole is stopped; fg goes on.", self.standing()))))
        if has_stopped:
            self.went_on()
        else:
            self.notify(_NO_SHELL, title="Not stopped", markup=False)

    def action_repaint(self) -> None:
        """Send the whole screen: something else wrote on the terminal, and what is there already is never sent again."""
        if (driver := self._steady()) is not None:
            driver.repaint()

    def _steady(self) -> Any:
        """Return our driver, None in tests without a terminal and where somebody chose another one."""
        from ppsconsole.tui.terminal.driver import SteadyDriver

        return self._driver if isinstance(self._driver, SteadyDriver) else None

    # mistakes of ours -----------------------------------------------------------------------------------------------

    def crashed(self, error: Exception) -> None:
        """Keep a report of a mistake; later ones are mostly consequences of the first."""
        if self.crash is None:
            from ppsconsole.tui.crash import kept  # loaded by now, but not for the first frame

            self.crash = kept(error, os.environ)

    def told_of_crash(self) -> str:
        """Return what is to be said of the mistake that ended the console; empty where none did."""
        return self.crash.told(self.standing()) if self.crash is not None else ""

    def say_after_leaving(self, words: str) -> None:
        """Say something on the terminal that was given back, while the process still has something to do."""
        if (driver := self._steady()) is not None:
            driver.say(words)

    def _handle_exception(self, error: Exception) -> None:
        """Keep a report before anything else is done; Textual would print the values of all variables."""
        self.crashed(error)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        super().panic()

    def panic(self, *_: Any) -> None:
        """End, without Textual's own words."""
        super().panic()
