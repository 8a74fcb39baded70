"""`ppsconsole gauges`: the numbers with their limits, watched for a while, and the history of one of them as a chart."""

import asyncio
import sys

import click

from ppsconsole.cli.options import Options
from ppsconsole.cli.show import columns, json_text, print_lines
from ppsconsole.cli.status import glyphs
from ppsconsole.cluster.picture import Picture
from ppsconsole.cluster.snapshot import Gauge
from ppsconsole.draw.chart import draw_gauge
from ppsconsole.draw.gauges import draw_gauges
from ppsconsole.engine.facts import deadline_s
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.probes.monitor import Monitor

_CHART_ROWS = 20


@click.command()
@click.argument("name", required=False)
@click.option("--for", "for_s", type=click.FloatRange(0, 86400), default=0.0, help="Watch so many seconds before printing.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON: also the history that was watched.")
@click.option("--ascii", "is_ascii", is_flag=True, help="Draw with ASCII characters only.")
@click.pass_obj
def gauges(options: Options, name: str | None, for_s: float, is_json: bool, is_ascii: bool) -> int:
    """Print every gauge: value, trend, verdict, limit. With NAME print that one's history as a chart; see --for.

    Without --for everything is looked at once, and there is no history.

    Exit 0: they were printed; `status` judges by its exit code. 2: there is no such gauge, or the inventory is wrong.
    """
    picture = asyncio.run(_watched(options.load_inventory(), for_s))
    found = picture.snapshot.gauges if name is None else (_named(name, picture),)
    if is_json:
        click.echo(json_text([_as_json(each, picture) for each in found]))
        return 0
    width, drawn = columns(), glyphs(is_ascii)
    if name is None:
        lines = draw_gauges(found, picture.recent, width, drawn)
    else:
        lines = draw_gauge(found[0], (picture.recent, picture.long), picture.snapshot.at, width, _CHART_ROWS, drawn)
    print_lines(lines, is_coloured=sys.stdout.isatty())
    return 0


async def _watched(inventory: Inventory, for_s: float) -> Picture:
    monitor = Monitor(inventory)
    return await monitor.watched(for_s) if for_s else await monitor.once(deadline_s(inventory))


def _named(name: str, picture: Picture) -> Gauge:
    """Return the gauge called `name`.

    Raises:
        UsageError: There is none; names those that there are.
    """
    for gauge in picture.snapshot.gauges:
        if gauge.name == name:
            return gauge
    there = ", ".join(repr(gauge.name) for gauge in picture.snapshot.gauges)
    raise UsageError(f"no gauge {name!r}", remedy=f"There are {there}")


def _as_json(gauge: Gauge, picture: Picture) -> dict[str, object]:
    recent, long = picture.recent, picture.long
    return {
        **gauge.as_json(),
        "recent": {"step_s": recent.step_s, "values": list(recent.values.get(gauge.name, ()))},
        "long": {"step_s": long.step_s, "values": list(long.values.get(gauge.name, ()))},
    }
