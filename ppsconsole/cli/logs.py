"""`ppsconsole logs`: the log of a node as plain lines, its end or as it grows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import click

from ppsconsole.cli.options import Options
from ppsconsole.clock import SystemClock
from ppsconsole.draw.node import LogTail
from ppsconsole.draw.run import event_lines
from ppsconsole.draw.text import line_text
from ppsconsole.drivers.log import LogSource, matcher
from ppsconsole.drivers.log_finding import Query, find_logs
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.resume import require_one
from ppsconsole.errors import DriverError, UsageError
from ppsconsole.inventory.model import Instance, Inventory

CONSOLE = "console"
"""Stands for the console itself where a NODE is asked for; no node can have that name."""

_FILTERED = 100_000  # lines that are looked through for those that match; bounded by bytes as well
_QUERY_S = 10.0


@click.command()
@click.argument("node")
@click.option(
    "-n", "--lines", "count", type=click.IntRange(0, 100_000), default=50, show_default=True, help="How many, from its end."
)
@click.option("-f", "--follow", "is_followed", is_flag=True, help="Go on with every new line, until interrupted.")
@click.option(
    "--grep", "text", metavar="TEXT", default="", help="Only lines with TEXT in them; capitals matter where TEXT has some."
)
@click.option("--log", "name", metavar="NAME", default="", help="Which one, where the node has several; the first one otherwise.")
@click.option("--list", "is_list", is_flag=True, help="Only say which logs there are, where, and how that is known.")
@click.pass_obj
def logs(options: Options, node: str, count: int, is_followed: bool, text: str, name: str, is_list: bool) -> int:
    """Print the log of NODE: a bastion, balancer, web node or database instance.

    NODE `console` stands for the journal of the newest run here. What is read is bounded (1 MiB from the log's end), secrets
    are masked, and nothing stays on the host when this ends. Lines go to standard output, remarks to standard error.

    Exit 0: it was read. 1: it could not be read, and the text says why. 2: no such node.
    """
    inventory = options.load_inventory()
    if node == CONSOLE:
        return asyncio.run(_run_journal(inventory, count, text))
    require_node(inventory, node)
    try:
        return asyncio.run(_host_log(inventory, node, count, text, name, is_followed=is_followed, is_list=is_list))
    except KeyboardInterrupt:
        return 0  # Ctrl-C is how following ends


def require_node(inventory: Inventory, node: str) -> None:
    """Refuse a name that no node has.

    Raises:
        UsageError: It has none; names those that there are.
    """
    names = tuple(inventory.node_names())
    if node not in names:
        raise UsageError(f"no node is called {node!r}", where=inventory.path, remedy=f"There are {', '.join(names)}")


@asynccontextmanager
async def _tools(inventory: Inventory) -> AsyncIterator[Any]:
    from ppsconsole.probes.tools import Tools

    tools = Tools(inventory, SystemClock(), lambda record: None)
    try:
        yield tools
    finally:
        await tools.aclose()


def _query_of(tools: Any) -> Query:
    async def query(instance: Instance, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = await tools.postgres.execute(instance, sql, timeout_s=_QUERY_S)
        return rows

    return query


async def tail_of(inventory: Inventory, node: str, count: int) -> LogTail:
    """Return the end of the first log of `node`; why there is none is told in its words."""
    from ppsconsole.drivers.log_reading import read_tail

    async with _tools(inventory) as tools:
        found = await find_logs(inventory, node, tools.ssh, _query_of(tools))
        if not found.sources:
            return LogTail(words=found.words)
        source = found.sources[0]
        try:
            return LogTail(source.said(), tuple(await read_tail(tools.ssh, source, count)))
        except DriverError as error:
            return LogTail(source.said(), words=str(error))


async def _host_log(
    inventory: Inventory, node: str, count: int, text: str, name: str, *, is_followed: bool, is_list: bool
) -> int:
    async with _tools(inventory) as tools:
        found = await find_logs(inventory, node, tools.ssh, _query_of(tools))
        if is_list:
            for source in found.sources:
                click.echo(f"{source.name}  {source.said()}")
        if found.words:
            click.echo(found.words, err=True)
        if is_list or not found.sources:
            return 0 if found.sources else 1
        source = _chosen(found.sources, name)
        others = [each.name for each in found.sources if each is not source]
        more = f"; also --log {', --log '.join(others)}" if others else ""
        click.echo(f"{source.said()}{more}", err=True)
        if is_followed:
            await _followed(tools, source, count, text)
        else:
            await _tail(tools, source, count, text)
    return 0


def _chosen(sources: tuple[LogSource, ...], name: str) -> LogSource:
    if not name:
        return sources[0]
    chosen = next((each for each in sources if name in (each.name, each.place)), None)
    if chosen is None:
        raise UsageError(
            f"{sources[0].node} has no log called {name!r}", remedy=f"There are {', '.join(each.name for each in sources)}"
        )
    return chosen


async def _tail(tools: Any, source: LogSource, count: int, text: str) -> None:
    from ppsconsole.drivers.log_reading import read_tail

    lines = await read_tail(tools.ssh, source, _FILTERED if text else count)
    matches = matcher(text)
    chosen = [line for line in lines if matches(line)]
    for line in chosen[len(chosen) - min(count, len(chosen)) :]:
        click.echo(line)


async def _followed(tools: Any, source: LogSource, count: int, text: str) -> None:
    from ppsconsole.drivers.log_reading import follow_on

    matches = matcher(text)
    async with aclosing(follow_on(tools.ssh, source, count, SystemClock(), is_patient=False)) as news:
        async for each in news:
            if each.remark:
                click.echo(f"-- {each.remark}", err=True)
            for line in each.lines:
                if matches(line):
                    click.echo(line)


async def _run_journal(inventory: Inventory, count: int, text: str) -> int:
    """Print what the newest run here did; a run that goes on in another console is followed there."""
    desk = Desk(inventory)
    try:
        newest, _ = await desk.runs(1, is_local=True)
        found = require_one(newest, inventory.cluster.name)
    finally:
        await desk.aclose()
    click.echo(f"journal of run {found.run}; the whole of it: ppsconsole runs report {found.run}", err=True)
    matches = matcher(text)
    told = [line_text(line) for event in found.events for line in event_lines(event, found.plan)]
    chosen = [line for line in told if matches(line)]
    for line in chosen[len(chosen) - min(count, len(chosen)) :]:
        click.echo(line)
    return 0
