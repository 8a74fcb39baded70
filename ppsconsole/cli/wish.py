"""What is wanted, from the words of a command: the same for what shows a plan and what runs it."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ppsconsole.errors import UsageError
from ppsconsole.runbooks.items_tried import INSISTED
from ppsconsole.runbooks.ladder import DOES
from ppsconsole.runbooks.rejoin_way import WAYS
from ppsconsole.runbooks.request import Request

_Command = TypeVar("_Command", bound=Callable[..., Any])


def wish(command: _Command) -> _Command:
    """Add RUNBOOK, NODE, `--to` and what chooses a way of doing it to a command; it gets them as `request`."""

    @functools.wraps(command)  # also takes along the options that it has already
    def gathered(
        *args: Any,
        runbook: str,
        node: str,
        to: str,
        source: str,
        fence: str | None,
        way: str | None,
        bundle: str,
        insist: str | None,
        **others: Any,
    ) -> Any:
        node = _acted_on(runbook, node, source)
        request = Request(runbook, node, to, fence=fence or "", way=way or "", bundle=bundle, insist=insist or "")
        return command(*args, request=request, **others)

    words = (
        click.argument("runbook"),
        click.argument("node", required=False, default=""),
        click.option("--to", metavar="NODE", default="", help="The database instance that becomes primary."),
        click.option(
            "--from",
            "source",
            metavar="NODE",
            default="",
            help="Restore: copy the data of this instance; left out, of the only primary.",
        ),
        click.option(
            "--fence",
            type=click.Choice([each.value for each in DOES]),
            help="Failover, fence: by this rung, not by the best one.",
        ),
        click.option("--way", type=click.Choice(WAYS), help="Rejoin: go this way, not the cheapest that the facts allow."),
        click.option("--bundle", metavar="NAME", default="", help="Alternate server: this bundle, not the newest one."),
        click.option("--insist", type=click.Choice(INSISTED), help="Switchover: run it although this preflight item fails."),
    )
    made: Any = gathered
    for word in reversed(words):
        made = word(made)
    return made  # type: ignore[no-any-return]


def _acted_on(runbook: str, node: str, source: str) -> str:
    """Return the node that a request is about, given as NODE or, for a restore, as `--from`.

    Raises:
        UsageError: Both were given, or `--from` with another runbook.
    """
    if source and (node or runbook != "restore"):
        what = f"--from {source} was given with {'NODE ' + node if node else runbook}"
        raise UsageError(what, remedy="--from is for restore: restore --from NODE --to NODE")
    return source or node
