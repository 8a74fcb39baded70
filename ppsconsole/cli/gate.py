"""Gates on the command line: answered by flags, or by somebody at the terminal. What counts as an answer, the engine decides."""

import asyncio
import functools
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from ppsconsole.errors import Blocked
from ppsconsole.plan.loss import accepted_window
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, GateKind, Step

_Command = TypeVar("_Command", bound=Callable[..., Any])

_LINE_LIMIT = 4096
_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Flags:
    """What was answered on the command line; None was not said.

    Attributes:
        approve: The plan's hash.
        accept_loss: A window: `5s`, `2m`, `0`, `unlimited`.
        attest: A statement of the operator.
        reason: Why; for the journal.
    """

    approve: str | None = None
    accept_loss: str | None = None
    attest: str | None = None
    reason: str = ""

    def answer(self, kind: GateKind) -> str | None:
        """Return what was said for a gate of `kind`."""
        return {"confirm": self.approve, "name": self.approve, "accept-loss": self.accept_loss, "attest": self.attest}[kind]


def gate_flags(command: _Command) -> _Command:
    """Add `--approve`, `--accept-loss`, `--attest` and `--reason` to a command; it gets them as `flags`."""

    @functools.wraps(command)  # also takes along the options that it has already
    def gathered(
        *args: Any, approve: str | None, accept_loss: str | None, attest: str | None, reason: str | None, **others: Any
    ) -> Any:
        if accept_loss is not None:
            accepted_window(accept_loss)  # a window that is none is a wrong word, whether or not it will be asked for
        return command(*args, flags=Flags(approve, accept_loss, attest, reason or ""), **others)

    options = (
        click.option("--approve", metavar="HASH", help="The hash of the plan that you read; another plan does not run."),
        click.option("--accept-loss", metavar="WINDOW", help="The writes given up at most: 5s, 250ms, 2m, 0 or unlimited."),
        click.option("--attest", metavar="TEXT", help="What you did or saw yourself, where the console cannot look."),
        click.option("--reason", metavar="TEXT", help="Why; for the journal, and to take over from somebody else."),
    )
    made: Any = gathered
    for option in reversed(options):
        made = option(made)
    return made  # type: ignore[no-any-return]


class Asker:
    """Answers gates from flags, else by asking at the terminal where there is one.

    Args:
        flags: From the command line.
        is_terminal: Whether somebody can be asked.
    """

    def __init__(self, flags: Flags, *, is_terminal: bool) -> None:
        self._flags, self._is_terminal = flags, is_terminal
        self._answers: dict[str, str] = {}
        self._waiting: asyncio.Future[str | None] | None = None
        self._is_cancelled = False
        self.is_heard: Callable[[], bool] = lambda: True
        """Whether all that was said before a question is printed, and more would be."""

    async def __call__(self, gate: Gate, step: Step, plan: Plan) -> str | None:
        """Return the answer at the gate of `step`, None when there is none."""
        given = self._answers.get(step.id) or self._flags.answer(gate.kind)
        answer = given
        if (given is None or _falls_short(gate, given, plan)) and self._is_terminal and not self._is_cancelled:
            answer = await self._asked(gate, step, plan)
        if answer is not None:
            self._answers[step.id] = answer
        return answer

    def cancel(self) -> None:
        """Take the question at hand back, and ask no more: somebody wants to leave."""
        self._is_cancelled = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def require(self, plan: Plan, steps: tuple[Step, ...]) -> None:
        """Refuse where a gate of `steps` can only be answered by a flag, and was not.

        Raises:
            Blocked: One is missing; the error names its flag. Nothing was touched.
        """
        if self._is_terminal:
            return
        missing = [step for step in steps if step.gate is not None and self._flags.answer(step.gate.kind) is None]
        if not missing:
            return
        gates = [step.gate for step in missing if step.gate is not None]
        needed = dict.fromkeys(_flag_said(gate, plan) for gate in gates)
        raise Blocked(
            f"nobody can be asked here, and {', '.join(dict.fromkeys(gate.flag for gate in gates))} was not given",
            where=missing[0].id,
            remedy=f"{gates[0].question} Answer with {' '.join(needed)}",
        )

    async def _asked(self, gate: Gate, step: Step, plan: Plan) -> str | None:
        while not self.is_heard():  # a terminal that takes nothing (Ctrl-S) must not make us stand still, with the lease
            if self._is_cancelled:
                return None
            await asyncio.sleep(_AGAIN_S)
        click.echo()
        click.secho(gate.question, bold=True)
        for name, words in gate.seen:
            click.echo(f"  {name:<9} {words}")
        prompt = {
            "confirm": "Type yes to go on; Enter alone cancels: ",
            "name": f"Type {plan.cluster} to go on; Enter alone cancels: ",
            "accept-loss": f"Type the window you accept, such as {plan.loss.to_accept}; Enter alone cancels: ",
            "attest": "Write what you did or saw; Enter alone cancels: ",
        }[gate.kind]
        _forget_typed(sys.stdin.fileno())
        click.echo(prompt, nl=False)
        sys.stdout.flush()
        answer = await self._line()
        if answer is None or not answer.strip():
            click.echo("cancelled")
            return None
        return answer.strip()

    async def _line(self) -> str | None:
        """Return one line from the terminal; None at its end, and when the question is taken back."""
        loop = asyncio.get_running_loop()
        descriptor = sys.stdin.fileno()
        self._waiting = loop.create_future()
        waiting = self._waiting

        def ready() -> None:
            if waiting.done():
                return
            try:
                text = os.read(descriptor, _LINE_LIMIT)
            except OSError:
                text = b""
            waiting.set_result(text.decode(errors="replace").split("\n")[0] if text else None)

        loop.add_reader(descriptor, ready)
        try:
            return await waiting
        finally:
            loop.remove_reader(descriptor)
            self._waiting = None


def _falls_short(gate: Gate, given: str, plan: Plan) -> bool:
    """Return whether a window that was accepted does not cover the loss as it is told now."""
    return gate.kind == "accept-loss" and not plan.loss.is_accepted_by(accepted_window(given))


def _forget_typed(descriptor: int) -> None:
    """Throw away what was typed before the question was asked: a pasted line never confirms."""
    try:
        import termios
    except ImportError:
        return
    with suppress(termios.error, OSError):
        termios.tcflush(descriptor, termios.TCIFLUSH)


def _flag_said(gate: Gate, plan: Plan) -> str:
    match gate.kind:
        case "confirm" | "name":
            return f"{gate.flag} {plan.hash}"
        case "accept-loss":
            return f"{gate.flag} {plan.loss.to_accept}"
        case "attest":
            return f"{gate.flag} TEXT"
