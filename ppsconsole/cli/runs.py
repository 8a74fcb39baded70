"""`ppsconsole runs ...`: what was run, and going on with what was left."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Literal

import click

from ppsconsole.cli.face import is_terminal
from ppsconsole.cli.gate import Asker, Flags, gate_flags
from ppsconsole.cli.options import Options
from ppsconsole.cli.show import columns, json_text, print_lines
from ppsconsole.cli.status import glyphs
from ppsconsole.cli.watch import unstopped, watched
from ppsconsole.clock import SystemClock
from ppsconsole.draw.promise import Promises
from ppsconsole.draw.run import draw_run
from ppsconsole.draw.runs import runs_table
from ppsconsole.engine.custody import RunResult
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.open_run import OpenRun
from ppsconsole.engine.resume import FoundRun, require_one, started_at
from ppsconsole.errors import Blocked
from ppsconsole.reports.document import document_of, head_of
from ppsconsole.reports.html import report_html
from ppsconsole.reports.story import story_of_found
from ppsconsole.reports.text import report_lines, report_markdown

_WHOLE = 1_000
"""Cells in a row where nobody looks: a run is one line for grep then, and nothing of it is cut."""

_PRINTS = (
    "Exit 0: it was printed, whatever became of a run: its verdict stands in it. 1: it cannot be read. 2: there is no such run."
)

_id = click.argument("run_id", metavar="[ID]", required=False, default="")
_json = click.option("--json", "is_json", is_flag=True, help="Print JSON.")
_ascii = click.option("--ascii", "is_ascii", is_flag=True, help="Draw with ASCII characters only.")


@click.group()
def runs() -> None:
    """List, show, resume, back out, abandon and report runs.

    ID is a run's id or the beginning of it. Left out, `show` and `report` take the newest run; `resume`, `back-out` and
    `abandon` the one that is open. Runs that another machine began are found by the copies on the cluster's hosts.
    """


@runs.command("list", epilog=_PRINTS)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most.")
@click.option("--here", "is_local", is_flag=True, help="Read the journal here only, and ask no host.")
@click.option("--all", "is_all", is_flag=True, help="Runs of other clusters that had this name, too: of labs that are gone.")
@_json
@_ascii
@click.pass_obj
def list_runs(options: Options, limit: int, is_local: bool, is_all: bool, is_json: bool, is_ascii: bool) -> int:
    """List the cluster's runs, the latest first.

    A cluster is known again by its hosts' keys and its databases' system identifiers, not by its name alone.
    """

    async def told(desk: Desk) -> int:
        known, now = await desk.known_runs(limit, is_local=is_local), SystemClock().now()
        found = sorted((*known.ours, *known.others), key=lambda each: -started_at(each))[:limit] if is_all else known.ours
        views = [story_of_found(each, is_lab=_is_lab(desk)) for each in found]
        if is_json:
            click.echo(json_text([head_of(view, now) for view in views]))
        elif views:
            is_seen = sys.stdout.isatty()
            width = columns() if is_seen else _WHOLE
            print_lines(runs_table(views, now, width, glyphs(is_ascii)), is_coloured=is_seen)
        else:
            click.echo(f"no run of {desk.inventory.cluster.name} yet")
        if known.others and not is_all:
            count = f"{len(known.others)} run{'s' if len(known.others) > 1 else ''}"
            click.echo(f"{count} of other clusters that had the name {desk.inventory.cluster.name}: see --all", err=True)
        for each in known.missing:
            click.echo(f"not asked for its copies: {each}", err=True)
        return 0

    return _at_desk(options, told)


@runs.command(epilog=_PRINTS)
@_id
@_json
@_ascii
@click.pass_obj
def show(options: Options, run_id: str, is_json: bool, is_ascii: bool) -> int:
    """Show where a run stands: its steps, downtime, loss; and where the cluster stands while the run is open."""

    async def told(desk: Desk) -> int:
        found = await _found(desk, run_id)
        view, now = story_of_found(found, is_lab=_is_lab(desk)), SystemClock().now()
        if is_json:
            click.echo(json_text(document_of(view, found.events, now)))
            return 0
        snapshot = await desk.look() if found.is_open else None
        promises = Promises.of(desk.inventory.cluster)
        print_lines(draw_run(view, now, columns(), glyphs(is_ascii), snapshot, promises), is_coloured=sys.stdout.isatty())
        if found.is_open:
            click.echo(f"\ngo on with: ppsconsole runs resume {found.run}   or: runs back-out, runs abandon")
        return 0

    return _at_desk(options, told)


@runs.command(epilog=_PRINTS)
@_id
@_json
@_ascii
@click.option("--markdown", "is_markdown", is_flag=True, help="Print Markdown, for a ticket or a wiki.")
@click.option("--html", "is_html", is_flag=True, help="Print one HTML page, to mail or to keep.")
@click.pass_obj
def report(options: Options, run_id: str, is_json: bool, is_ascii: bool, is_markdown: bool, is_html: bool) -> int:
    """Tell a run afterwards: what happened, what it cost, what was proved, and who answered for what."""

    async def told(desk: Desk) -> int:
        found = await _found(desk, run_id)
        view, now = story_of_found(found, is_lab=_is_lab(desk)), SystemClock().now()
        if is_json:
            click.echo(json_text(document_of(view, found.events, now)))
        elif is_markdown:
            click.echo(report_markdown(view, found.events, now), nl=False)
        elif is_html:
            click.echo(report_html(view, found.events, now), nl=False)
        else:
            lines = report_lines(view, found.events, now, columns(), glyphs(is_ascii))
            print_lines(lines, is_coloured=sys.stdout.isatty())
        return 0

    return _at_desk(options, told)


_EXITS = "Exits as `run` does: 0 success, 1 failed, 3 blocked, 4 rolled back, 5 incomplete, 6 unknown, 7 leased, 8 with issues."


def _acting(word: Literal["resume", "back-out", "abandon"], about: str) -> None:
    """Add a command that takes an open run up again and does something with it."""

    def act(options: Options, run_id: str, flags: Flags, is_json: bool, is_ascii: bool) -> int:
        async def done(desk: Desk) -> int:
            if word == "abandon" and not flags.reason.strip():
                raise Blocked("abandoning a run takes a reason; nothing was touched", remedy="Give --reason TEXT")
            is_asking = is_terminal() and not is_json
            asker = Asker(flags, is_terminal=is_asking)
            # The gates that are left belong to the way forward: the others come to none.
            is_interactive = is_asking or word != "resume"
            is_back = word != "resume"
            with unstopped():
                opened = await desk.reopen(run_id, asker, flags.reason, is_interactive=is_interactive, is_way_back=is_back)
            return await watched(desk, opened, asker, _works(word, flags.reason), is_json=is_json, is_ascii=is_ascii)

        return _at_desk(options, done)

    act.__doc__ = f"{about}\n\n{_EXITS}"
    command = click.pass_obj(_id(gate_flags(_json(_ascii(act)))))
    runs.command(word)(command)


def _works(word: str, reason: str) -> Callable[[OpenRun], Awaitable[RunResult]]:
    match word:
        case "back-out":
            return lambda opened: opened.back_out(reason or "the operator asked for it")
        case "abandon":
            return lambda opened: opened.abandon(reason)
        case _:
            return lambda opened: opened.go()


_acting(
    "resume",
    "Go on with an open run. A step that may have acted already is verified first, and done again only where it is seen undone.",
)
_acting("back-out", "Undo what an open run did, last step first, each verified; refused once there may be no way back.")
_acting("abandon", "End an open run where it stands; nothing is touched. Takes a reason.")


async def _found(desk: Desk, run_id: str) -> FoundRun:
    if run_id:
        return await desk.find(run_id)
    newest, _ = await desk.runs(1)
    return require_one(newest, desk.inventory.cluster.name)


def _is_lab(desk: Desk) -> bool:
    return desk.inventory.cluster.environment == "lab"


def _at_desk(options: Options, work: Callable[[Desk], Awaitable[int]]) -> int:
    async def done() -> int:
        desk = Desk(options.load_inventory())
        try:
            return await work(desk)
        finally:
            await desk.aclose()

    return asyncio.run(done())
