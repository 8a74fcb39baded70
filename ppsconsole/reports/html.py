"""The report of a run as one HTML page: nothing is loaded from elsewhere, so that it can be mailed and kept."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from ppsconsole.draw.plan import direction
from ppsconsole.draw.run import event_lines
from ppsconsole.draw.run_view import RunView
from ppsconsole.draw.text import line_text
from ppsconsole.masking import inert
from ppsconsole.plan.event import RunEvent
from ppsconsole.reports.text import report_facts, report_parts, report_steps

_STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8884; }
pre { overflow-x: auto; font-size: 13px; line-height: 1.4; }
.ponr { font-weight: bold; }
"""


def report_html(view: RunView, events: Sequence[RunEvent], now: float) -> str:
    """Return the report as a whole HTML page; text from hosts is escaped, never markup.

    Args:
        view: The run.
        events: All of them, in their order.
        now: Seconds since 1970 UTC.
    """
    title = f"{view.plan.runbook} {direction(view.plan)} of {view.plan.cluster}: {view.state}"
    lines = ["<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">', f"<title>{escape(title)}</title>"]
    lines += [f"<style>\n{_STYLE}</style>", "</head>", "<body>", f"<h1>{escape(title)}</h1>"]
    lines += _list(report_facts(view, now))
    lines += ["<table>", "<tr><th>#</th><th>step</th><th>state</th><th>took</th><th>what was seen</th></tr>"]
    for is_last_way_back, cells in report_steps(view):
        row = "".join(f"<td>{escape(inert(cell))}</td>" for cell in cells)
        lines.append(f'<tr class="ponr">{row}</tr>' if is_last_way_back else f"<tr>{row}</tr>")
    lines.append("</table>")
    for name, told in report_parts(view):
        lines += [f"<h2>{escape(name)}</h2>", *_list(told)] if told else []
    log = "\n".join(escape(line_text(line)) for event in events for line in event_lines(event, view.plan))
    return "\n".join([*lines, "<h2>What happened</h2>", f"<pre>{log}</pre>", "</body>", "</html>", ""])


def _list(items: Iterable[str]) -> Iterator[str]:
    yield "<ul>"
    yield from (f"<li>{escape(inert(each))}</li>" for each in items)
    yield "</ul>"
