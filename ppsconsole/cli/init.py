"""`ppsconsole inventory init`: writes an inventory by asking and looking; plain lines, so that a screen reader can follow."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from ppsconsole.errors import UsageError
from ppsconsole.inventory import draft
from ppsconsole.inventory.answers import ASKS, Answers, Ask, faults
from ppsconsole.inventory.find import usual_place
from ppsconsole.inventory.putting import refuse_existing
from ppsconsole.probes.interview import Interview
from ppsconsole.probes.trials import Trial

NONE = "-"
"""Typed where an answer stands already, it takes that away."""

_STILL_TRYING_S = 3.0
_T = TypeVar("_T")


def _flags(command: Callable[..., Any]) -> Callable[..., Any]:
    for ask in reversed(ASKS):
        usual = "the usual place, as `ppsconsole` looks for it" if ask.name == "out" else ask.default
        words = f"{ask.prompt}: {ask.about}" + (f" Left out: {usual}." if usual else " Required." if ask.is_required else "")
        metavar = "FILE" if ask.name in ("key", "known_hosts", "ssh_config", "ca", "out") else "TEXT"
        option = click.option(ask.flag, ask.name, multiple=ask.is_many, default=None, metavar=metavar, help=words)
        command = option(command)
    return command


@click.command("init")
@_flags
@click.option("--aside", "is_old_set_aside", is_flag=True, help="Rename a file that is there already, instead of refusing.")
@click.option("--print", "is_printed", is_flag=True, help="Print the inventory instead of writing it.")
@click.option("--yes", "is_yes", is_flag=True, help="Ask nothing: take what the flags say and what is found.")
@click.pass_context
def init(ctx: click.Context, /, is_old_set_aside: bool, is_printed: bool, is_yes: bool, **given: Any) -> None:
    """Write an inventory by asking and by looking at the hosts; nothing on them is changed.

    On a terminal it asks, and offers what it finds. With --yes, or without a terminal, the flags have to say what is needed.
    Host keys have to be known already: an unknown one is refused and told with its fingerprint. For a PostgreSQL cluster;
    for SQL Server start from sample-inventory.yaml.

    Exit 0: it was written. 1: nothing was; the answers are kept. 2: an answer is missing or wrong, and nothing was looked at.
    """
    answers = _from_flags(given)
    is_asked = _is_terminal() and not is_yes
    if not is_printed and (answers.out or not is_asked):
        refuse_existing(answers.out or str(usual_place()), is_old_set_aside=is_old_set_aside)
    if not is_asked:
        wrong = faults(answers)
        if not is_yes:
            wrong = (*wrong, "--yes is missing: without a terminal nobody can be asked")
        if wrong:
            raise UsageError("nothing was looked at and nothing written:\n  " + "\n  ".join(wrong), where="inventory init")
        interview = Interview(answers, is_old_set_aside=is_old_set_aside)
        _run(interview, lambda runner: _watched(runner, interview, interview.look_at_everything()))
    else:
        place = draft.draft_path()
        interview = Interview(_with_draft(answers), place, is_old_set_aside=is_old_set_aside)
        try:
            _run(interview, lambda runner: _ask_all(runner, interview))
        except (click.Abort, KeyboardInterrupt):
            click.echo(
                f"\nNothing was written. Your answers are kept: `ppsconsole inventory init` offers them again ({place}).",
                err=True,
            )
            raise click.Abort from None
        if not is_printed and not _is_confirmed(interview):
            click.echo("Nothing was written; your answers are kept.", err=True)
            ctx.exit(1)
    _finish(interview, is_printed=is_printed)


def _finish(interview: Interview, *, is_printed: bool) -> None:
    if is_printed:
        click.echo(interview.text(), nl=False)
        return
    found, aside = interview.put()
    from ppsconsole.cli.inventory import summary

    if aside:
        click.echo(f"the older file is now {aside}")
    click.echo(summary(found))
    silent = [each.name for each in interview.found.hosts if each.trouble]
    if silent:
        click.echo(f"not reached, and written as they were named: {', '.join(silent)}")
    click.echo("what could not be found out stands in it as comments, with the reason")
    is_usual = interview.place == str(usual_place())
    click.echo(f"look once:         ppsconsole {'' if is_usual else f'-i {interview.place} '}status")
    click.echo(f"open the console:  ppsconsole{'' if is_usual else f' -i {interview.place}'}")


def _is_terminal() -> bool:
    """Return whether somebody can be asked; a dumb terminal is enough for that."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _from_flags(given: dict[str, Any]) -> Answers:
    answers = Answers()
    for ask in ASKS:
        value = given.get(ask.name)
        if value:
            words = " ".join(value) if ask.is_many else value
            answers = answers.having(ask.name, words)
    return answers


def _with_draft(answers: Answers) -> Answers:
    earlier = draft.kept(draft.draft_path())
    if earlier is None:
        return answers
    click.echo("Answers of an earlier time were found; each is offered again.", err=True)
    for ask in ASKS:
        if not answers.said(ask.name):
            answers = answers.having(ask.name, earlier.said(ask.name))
    return answers


def _run(interview: Interview, work: Callable[[asyncio.Runner], _T]) -> _T:
    """Do `work` with one event loop, which the connections live in, and close them whatever happens."""
    with asyncio.Runner() as runner:
        try:
            return work(runner)
        finally:
            runner.run(interview.aclose())


def _ask_all(runner: asyncio.Runner, interview: Interview) -> None:
    click.echo(f"Enter takes what stands in [brackets], {NONE} takes it away, Ctrl-C leaves and keeps the answers.", err=True)
    while (part := interview.round) is not None:
        while (ask := interview.question()) is not None:
            _put_question(interview, ask)
        if part == "file":
            runner.run(interview.look())  # nothing is named there that could be looked at
        elif why := _watched(runner, interview, interview.look()):
            click.echo(why, err=True)


def _put_question(interview: Interview, ask: Ask) -> None:
    click.echo(f"\n{ask.about}", err=True)
    offer = interview.offer(ask)
    while True:
        words: str = click.prompt(ask.prompt, default=offer, show_default=bool(offer), err=True)
        why = interview.answer(ask, "" if words.strip() == NONE else words)
        if not why:
            return
        click.echo(why, err=True)


def _is_confirmed(interview: Interview) -> bool:
    click.echo("", err=True)
    click.echo(interview.text())
    if mistakes := interview.mistakes():
        click.echo(f"This would not be a valid inventory:\n{mistakes}", err=True)
        return False
    return click.confirm(f"Write it to {interview.place}?", default=True, err=True)


def _watched(runner: asyncio.Runner, interview: Interview, work: Awaitable[_T]) -> _T:
    """Wait for `work`, with a line for everything that answers and, now and then, one for what is still waited for."""

    def changed(trial: Trial) -> None:
        if trial.took_s is not None:
            click.echo(trial.line(time.monotonic()), err=True)

    async def still() -> None:
        while True:
            await asyncio.sleep(_STILL_TRYING_S)
            for trial in interview.trials.open:
                click.echo(trial.line(time.monotonic()), err=True)

    async def both() -> _T:
        waiting = asyncio.create_task(still())
        try:
            return await work
        finally:
            waiting.cancel()

    interview.trials.on_change = changed
    click.echo("looking, nothing is changed ...", err=True)
    return runner.run(both())
