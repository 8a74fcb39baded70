"""`ppsconsole status`: one snapshot as text or JSON; with `--watch` one after each change."""

import asyncio
import shutil
import sys

import click

from ppsconsole.advice.diagnosis import advise
from ppsconsole.cli.options import Options
from ppsconsole.cli.show import json_text
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.status import draw_status
from ppsconsole.draw.text import ASCII, UNICODE, Glyphs, line_text
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.facts import deadline_s
from ppsconsole.inventory.model import Inventory
from ppsconsole.probes.monitor import Monitor
from ppsconsole.runbooks.building import Background

EXIT_OK, EXIT_DEGRADED, EXIT_UNKNOWN = 0, 5, 6


@click.command()
@click.option("--json", "is_json", is_flag=True, help="Print JSON; with --watch one document a line.")
@click.option("--watch", "is_watch", is_flag=True, help="Print again whenever something changes, until interrupted.")
@click.option("--ascii", "is_ascii", is_flag=True, help="Draw with ASCII characters only.")
@click.option("--width", type=click.IntRange(20, 400), help="Columns; as wide as the terminal, 100 without one.")
@click.option("--login", "has_login", is_flag=True, help="Try the login check although the last login was refused.")
@click.pass_obj
def status(options: Options, is_json: bool, is_watch: bool, is_ascii: bool, width: int | None, has_login: bool) -> int:
    """Print one snapshot: roles, lag, verdicts, what happened.

    Exit 0: all ok. 5: something warns or is down. 6: something is unknown.
    """
    inventory = options.load_inventory()
    if is_watch:
        return asyncio.run(_watch(inventory, is_json=is_json, is_ascii=is_ascii, width=width))
    return show(inventory, is_json=is_json, is_ascii=is_ascii, width=width, has_login=has_login)


def show(
    inventory: Inventory, *, is_json: bool = False, is_ascii: bool = False, width: int | None = None, has_login: bool = False
) -> int:
    """Look once, print, and return the exit code; with `has_login` a login is tried although the last one was refused."""
    return asyncio.run(_once(inventory, is_json=is_json, is_ascii=is_ascii, width=width, has_login=has_login))


async def _once(inventory: Inventory, *, is_json: bool, is_ascii: bool, width: int | None, has_login: bool) -> int:
    desk, monitor = Desk(inventory), Monitor(inventory)
    if has_login:
        monitor.insist()
    try:
        snapshot = (await monitor.once(deadline_s(inventory))).snapshot
        desk.saw(snapshot)
        background = await _background(desk, snapshot)
    finally:
        await desk.aclose()
    click.echo(_text(snapshot, inventory, background, is_json=is_json, is_ascii=is_ascii, width=width))
    return exit_code(snapshot)


def exit_code(snapshot: Snapshot) -> int:
    """Return 5 when anything warns or is down, else 6 when anything is unknown, else 0."""
    verdict = snapshot.verdict
    if verdict in (Verdict.WARN, Verdict.DOWN):
        return EXIT_DEGRADED
    return EXIT_UNKNOWN if verdict is Verdict.UNKNOWN else EXIT_OK


async def _background(desk: Desk, snapshot: Snapshot) -> Background:
    """Return what advice on `snapshot` rests on; where all is well there is none, and nothing is looked up."""
    return Background(history=desk.history) if snapshot.verdict is Verdict.OK else await desk.background(snapshot)


def _text(
    snapshot: Snapshot,
    inventory: Inventory,
    background: Background,
    *,
    is_json: bool,
    is_ascii: bool,
    width: int | None,
    indent: int = 2,
) -> str:
    advice = advise(snapshot, inventory, background)
    if is_json:
        document = snapshot.as_json() | {"advice": [each.as_json() for each in advice]}
        return json_text(document, indent=indent or None)
    columns = width or shutil.get_terminal_size((100, 24)).columns
    return "\n".join(line_text(line) for line in draw_status(snapshot, advice, columns, glyphs(is_ascii)))


def glyphs(is_ascii: bool) -> Glyphs:
    """Return the characters to draw with: ASCII when asked for, or when the output cannot carry others."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return ASCII if is_ascii or encoding != "utf8" else UNICODE


async def _watch(inventory: Inventory, *, is_json: bool, is_ascii: bool, width: int | None) -> int:
    monitor, desk = Monitor(inventory), Desk(inventory)
    polling = asyncio.create_task(monitor.run())
    shown = ""
    code = EXIT_UNKNOWN
    try:
        async for picture in monitor.pictures():
            if polling.done():
                polling.result()
            if not picture.snapshot.is_complete:
                continue
            snapshot = picture.snapshot
            code = exit_code(snapshot)
            desk.saw(snapshot)
            key = _key(snapshot)
            if key != shown:
                shown = key
                background = await _background(desk, snapshot)
                click.echo(_text(snapshot, inventory, background, is_json=is_json, is_ascii=is_ascii, width=width, indent=0))
    except asyncio.CancelledError:
        pass  # Ctrl-C is how a watch ends; the last state is its result
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
        await desk.aclose()
    return code


def _key(snapshot: Snapshot) -> str:
    """Return what has to change before it is worth printing again: states and words, not ages and latencies."""
    nodes = [(node.name, node.role, node.verdict.value, node.words) for node in snapshot.nodes]
    edges = [(edge.source, edge.target, edge.state, edge.verdict.value) for edge in snapshot.edges]
    return repr((nodes, edges, [(each.rule, each.verdict.value) for each in snapshot.judgements]))
