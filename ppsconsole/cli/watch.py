"""A run at the command line: told line by line, held when somebody wants to leave, and summed up at its end."""

import asyncio
import os
import select
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import click

from ppsconsole.cli.gate import Asker
from ppsconsole.cli.show import columns, json_text, print_lines
from ppsconsole.cli.status import glyphs
from ppsconsole.clock import SystemClock
from ppsconsole.draw.promise import Promises
from ppsconsole.draw.run import draw_safety, event_lines, run_head
from ppsconsole.draw.run_view import RunView
from ppsconsole.draw.safety import safety
from ppsconsole.draw.text import Line
from ppsconsole.engine.custody import RunResult
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.exits import back_refusal
from ppsconsole.engine.open_run import OpenRun
from ppsconsole.engine.state import state_of
from ppsconsole.errors import JournalError
from ppsconsole.plan.event import RunEvent
from ppsconsole.reports.document import head_of
from ppsconsole.reports.story import story_of

_LEAVING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_BACKGROUND = (signal.SIGTTIN, signal.SIGTTOU)
"""Sent to a job in the background that uses the terminal, as a question does: they would stop it."""
_AGAIN_S = 0.2


class Teller:
    """Prints what happens; goes silent, and lets the run go on to where it can be left, when nobody reads any more.

    A terminal that takes nothing for a while (Ctrl-S), or a pager that is not scrolled, does not make the run stand still and
    keep its lease: what is to be said waits, until `finish`.
    """

    def __init__(self, opened: OpenRun, *, is_json: bool) -> None:
        self._plan, self._is_json = opened.plan, is_json
        self._is_deaf = self._is_finishing = False
        self._waiting: deque[Callable[[], None]] = deque()
        self._again: asyncio.TimerHandle | None = None
        self.events: list[RunEvent] = []

    def hear(self, event: RunEvent) -> None:
        """Keep an event, and tell of it."""
        self.events.append(event)
        self.tell(event)

    def tell(self, event: RunEvent) -> None:
        """Tell of one event."""
        if self._is_json:
            self.say(json_text(event.as_json(), indent=None))
        else:
            self.show(event_lines(event, self._plan))

    def say(self, words: str) -> None:
        """Print a line."""
        self._printed(lambda: click.echo(words))

    def show(self, lines: Iterable[Line]) -> None:
        """Print styled lines."""
        self._printed(lambda: print_lines(lines, is_coloured=sys.stdout.isatty()))

    def complain(self, words: str) -> None:
        """Print a line on standard error."""
        self._printed(lambda: click.echo(words, err=True))

    def answer(self, words: str) -> None:
        """Print a line that answers a signal; beside the documents where those are printed."""
        if self._is_json:
            self.complain(words)
        else:
            self.say(words)

    def is_heard(self) -> bool:
        """Print what waits, as far as it is taken; return whether that was all and more would be taken."""
        while self._is_deaf or self._is_finishing or _is_taken():
            if not self._waiting:
                return True
            self._print(self._waiting.popleft())
        if self._waiting and self._again is None:
            self._again = asyncio.get_running_loop().call_later(_AGAIN_S, self._try_again)
        return False

    def finish(self) -> None:
        """From now on wait for who reads: the run is let go of."""
        self._is_finishing = True
        if self._again is not None:
            self._again.cancel()
        self.is_heard()

    def _printed(self, do: Callable[[], None]) -> None:
        self._waiting.append(do)
        self.is_heard()

    def _try_again(self) -> None:
        self._again = None
        self.is_heard()

    def _print(self, do: Callable[[], None]) -> None:
        if self._is_deaf:
            return
        try:
            do()
            sys.stdout.flush()
        except OSError:
            self._is_deaf = True  # the terminal is gone, or whoever read us


def _is_taken() -> bool:
    """Return whether a line that is printed now is taken at once; True where it goes to no file of the system."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))  # also where it is gone: printing finds that out


async def watched(
    desk: Desk,
    opened: OpenRun,
    asker: Asker,
    work: Callable[[OpenRun], Awaitable[RunResult]],
    *,
    is_json: bool,
    is_ascii: bool,
) -> int:
    """Do `work` on a run, tell of it, let go of it, and return the exit code.

    Ctrl-C, SIGTERM and a hang-up hold it after the step at hand; Ctrl-Z is refused, see `unstopped`. A journal that takes nothing
    any more stops it there, too: the exit code is that of where it stands then, since nothing but its record is missing.
    """
    teller = Teller(opened, is_json=is_json)
    for event in opened.past:
        teller.events.append(event)
        if event.number >= _taken_up(opened.past):
            teller.tell(event)
    opened.listen(teller.hear)
    asker.is_heard = teller.is_heard
    hint = f"Ctrl-C holds it after the step at hand; go on then with: {_command('resume', opened.run)}"
    try:
        with _held_by_signals(opened, asker, teller), unstopped(hint, teller.answer):
            result, is_cut_short = await _done(opened, work, teller)
    finally:
        teller.finish()
    view = story_of(
        opened.run,
        opened.plan,
        teller.events,
        is_lab=desk.inventory.cluster.environment == "lab",
        holder=opened.holder,
        started_at=opened.started_at,
    )
    if is_cut_short:  # its last record is of a step that goes on
        view = replace(view, is_held=True, words=result.words)
    await _sum_up(desk, view, result, teller, is_json=is_json, is_ascii=is_ascii)
    return result.verdict.exit_code


async def _done(opened: OpenRun, work: Callable[[OpenRun], Awaitable[RunResult]], teller: Teller) -> tuple[RunResult, bool]:
    """Do `work`, let go of the run, and return how it ended and whether the journal ended it."""
    try:
        return await work(opened), False
    except JournalError as error:
        teller.complain(f"stopped: {error}")
        return opened.cut_short(str(error)), True
    finally:
        await opened.aclose()


def _taken_up(past: tuple[RunEvent, ...]) -> int:
    """Return the number of the event with which this console took the run up: what came before is told by `runs show`."""
    return next((event.number for event in reversed(past) if event.kind in ("run-started", "resumed")), 0)


@contextmanager
def _held_by_signals(opened: OpenRun, asker: Asker, teller: Teller) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def leave() -> None:
        teller.answer("leaving: the step at hand is finished and verified first")
        opened.hold()
        asker.cancel()

    for number in _LEAVING:
        loop.add_signal_handler(number, leave)
    try:
        yield
    finally:
        for number in _LEAVING:
            loop.remove_signal_handler(number)


def _complain(words: str) -> None:
    click.echo(words, err=True)


@contextmanager
def unstopped(
    hint: str = "Its lease is being taken; Ctrl-C lets go of it", tell: Callable[[str], None] = _complain
) -> Iterator[None]:
    """Let job control not stop the process meanwhile: it would keep the lease, verify nothing, and say nothing of it.

    Args:
        hint: What to do instead; told after each Ctrl-Z.
        tell: Prints a line.
    """
    loop = asyncio.get_running_loop()

    def stay() -> None:
        # The key was for our whole process group: the `tee` that reads us stands still, too, and we would wait for it.
        os.kill(0, signal.SIGCONT)
        tell(f"not stopped: that would leave the run half way, unwatched. {hint}")

    loop.add_signal_handler(signal.SIGTSTP, stay)
    usual = {number: signal.signal(number, signal.SIG_IGN) for number in _BACKGROUND}
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTSTP)
        for number, handler in usual.items():
            signal.signal(number, handler)


async def _sum_up(desk: Desk, view: RunView, result: RunResult, teller: Teller, *, is_json: bool, is_ascii: bool) -> None:
    now = SystemClock().now()
    code = result.verdict.exit_code
    if is_json:
        teller.say(json_text(head_of(view, now) | {"kind": "result", "exit_code": code}, indent=None))
        return
    snapshot = await desk.look()  # where things stand is looked at, not concluded
    width, drawn = columns(), glyphs(is_ascii)
    teller.say("")
    teller.show(run_head(view, now, width, drawn, Promises.of(desk.inventory.cluster)))
    teller.show(draw_safety(safety(view, snapshot), width, drawn))
    state = "open" if result.is_open else "finished"
    teller.say(f"{state}: {result.verdict.value} (exit {code}); report: {_command('report', view.run)}")
    if result.is_open:
        for line in ways_on(view, teller.events):
            teller.say(line)


def ways_on(view: RunView, events: Iterable[RunEvent]) -> tuple[str, ...]:
    """Return the lines that say how an open run is gone on with, taken back, or why it cannot be, and ended."""
    barred = back_refusal(view.plan, state_of(view.plan, events))
    back = f"no way back: {barred}" if barred else f"or go back:  {_command('back-out', view.run)}"
    return f"go on with:  {_command('resume', view.run)}", back, f"or end it:   {_command('abandon', view.run)} --reason TEXT"


def _command(word: str, run: str) -> str:
    return f"ppsconsole runs {word} {run}"
