"""The terminal side of the console, beside a minimal Textual app, the same console on Textual's own driver, htop and btop.

`python -m tests.bench terminal [--rounds N] [--only PART]`; parts: start, keys, bytes, load. `start` runs the command itself on
the inventory of a lab and on one with 1,000 hosts, where nobody answers; the others are offline: a scripted source. Rounds are
interleaved, medians are printed with their spread. Exit 1 when a median misses its aim.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.inventory import inventory_text
from tests.bench.terminal_rig import ROOT, Recorded, python, recorded
from tests.tui.emulator import Emulator

PLAIN = {"TEXTUAL_DRIVER": "textual.drivers.linux_driver:LinuxDriver"}
"""Leaves the console on Textual's own driver."""

PLAYED = python("tests.tui.played", "{orders}")
MINIMAL = python("tests.bench.minimal_app", "0")
SHOWN = b"READ-ONLY"
BTOP = 23
"""Bytes for each changed cell that btop was once measured to send."""

_missed: list[str] = []


def said(values: Sequence[float], unit: str = "ms", factor: float = 1000.0) -> str:
    """Return a median with its spread."""
    low, middle, high = (factor * each for each in (min(values), statistics.median(values), max(values)))
    return f"{middle:8.1f} {unit} [{low:.1f}-{high:.1f}] n={len(values)}"


def aim(what: str, value: float, limit: float) -> str:
    """Return how `value` stands to its aim; a miss is remembered."""
    if value > limit:
        _missed.append(what)
    return f"{value:.2f} (aim <= {limit:g}{', MISSED' if value > limit else ''})"


def start(rounds: int, folder: Path) -> None:
    """Start to first frame, quit to exit, processor time and memory."""
    small, large = folder / "small.yaml", folder / "large.yaml"
    small.write_bytes(subprocess.check_output(python("tests.bench.lab_inventory", str(folder / "lab")), cwd=ROOT))
    large.write_text(_at_home(inventory_text(1000)))
    for each in (small, large):
        each.chmod(0o600)
    programs = {
        "minimal Textual": (MINIMAL, {}),
        "console": (python("ppsconsole", "-i", str(small)), {}),
        "console, 1,000 hosts": (python("ppsconsole", "-i", str(large)), {}),
        "console, Textual's driver": (python("ppsconsole", "-i", str(small)), PLAIN),
    }
    # As installed: nothing is compiled at a start, whatever the environment of a checkout says; and by nobody in particular.
    settled = {
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    first: dict[str, list[float]] = {name: [] for name in programs}
    spent, left, cpu, rss = ({name: [] for name in programs} for _ in range(4))
    for number in range(rounds + 1):
        for name, (words, environ) in programs.items():
            with recorded(words, environ={**settled, **environ}) as run:
                painted = run.listen_until(SHOWN) - run.began
                worked = run.cpu_of_threads_s()
                run.listen(1.5)
                took = run.quit()
            if number:  # the first round warms up
                measured = ((first, painted), (spent, worked), (left, took), (cpu, run.cpu_s), (rss, run.rss_mib))
                for values, value in measured:
                    values[name].append(value)
    for title, values, unit, factor in (
        ("start to first frame", first, "ms", 1000.0),
        ("processor time to first frame, which other work on the machine moves less", spent, "ms", 1000.0),
        ("quit key to exit", left, "ms", 1000.0),
        ("processor time of a session of 2 s", cpu, "ms", 1000.0),
        ("most memory", rss, "MiB", 1.0),
    ):
        print(f"\n{title}, 80x24")
        for name in programs:
            print(f"  {name:28}{said(values[name], unit, factor)}")
    base = {name: statistics.median(values["minimal Textual"]) for name, values in (("first", first), ("left", left))}
    for name, what, values, limit in (
        ("console", "first", first, 1.3),
        ("console, 1,000 hosts", "first", first, 1.6),
        ("console", "left", left, 0.4),
    ):
        title = f"{'first frame' if what == 'first' else 'quit'}, {name} / minimal"
        print(f"  {title:44}{aim(title, statistics.median(values[name]) / base[what], limit)}")


def _at_home(text: str) -> str:
    """Return an inventory whose names and addresses lead nowhere but to this machine."""
    for number, name in enumerate(("passwords", "bastion-a", "bastion-b")):
        text = text.replace(f"{name}.example.org", f"127.1.1.{number + 1}")
    return text.replace("address: 10.", "address: 127.")


def marks(emulator: Emulator) -> object:
    """Return where the marks of the selection stand."""
    return [(y, x) for y, row in enumerate(emulator.rows) for x, character in enumerate(row) if character == "»"]


def keys(count: int) -> None:
    """Key to paint: a selection that moves."""
    print(f"\nkey to paint, 200x60, {count} keys: the selection moves")
    cases: dict[str, tuple[list[str], Callable[[Recorded], None] | None]] = {
        "minimal Textual, idle": (MINIMAL, None),
        "minimal Textual, 200 updates/s": (python("tests.bench.minimal_app", "20"), None),
        "console, idle": (PLAYED, lambda run: None),
        "console, 200 updates/s": (PLAYED, lambda run: (run.tell("sources 20"), run.tell("churn 10"))[0]),
    }
    for name, (words, prepare) in cases.items():
        with recorded(words, (200, 60), takes_orders=True) as run:
            run.listen_until(SHOWN)
            run.listen(1.5)
            if prepare is not None:
                prepare(run)
                run.listen(1.0)
            pressed = []
            for number in range(count):
                pressed.append(run.press(b"kj"[number % 2 : number % 2 + 1]))
                run.listen(0.25 + 0.013 * (number % 7))  # not in step with the updates
            took = run.painted_at(pressed, marks)
        print(f"  {name:32}{said(took)}")
        if name == "console, 200 updates/s":
            print(f"    p50 in ms: {aim('key to paint, p50', 1000 * statistics.median(took), 15)}")
            print(f"    max in ms: {aim('key to paint, max', 1000 * max(took), 50)}")


def line() -> None:
    """Bytes: idle, for each poll, for each changed cell."""
    print("\nbytes on the line, 140x45")
    for name, environ in (("console", {}), ("console, Textual's driver", PLAIN)):
        for nodes in (8, 60, 200):
            with recorded(PLAYED, (140, 45), environ=environ, takes_orders=True) as run:
                run.listen_until(SHOWN)
                run.settle()
                if nodes != 8:
                    run.tell(f"many {nodes}")
                    run.settle()
                whole = run.sent
                idle = _polls(run, "round", 8)[0]
                sent, cells = _polls(run, "tick", 8)
            each = sent / cells if cells else 0.0
            print(f"  {name:26}{nodes:4} nodes: up to here {whole:7,} B; 8 polls without news {idle:5} B; with news ", end="")
            print(f"{sent / 8:7.0f} B a poll, {cells / 8:5.1f} cells, {each:6.1f} B a cell")
            if name == "console":
                if idle:
                    _missed.append("idle")
                if each > BTOP:
                    _missed.append("bytes for each changed cell")
    print(f"\nbytes for each changed cell, 80x24, 12 s (aim for the console: {BTOP})")
    for name in ("htop", "btop"):
        program = shutil.which(name)
        if program is None:
            print(f"  {name:26}not installed: skipped")
            continue
        with recorded([program, *(["-d", "10"] if name == "htop" else [])]) as run:
            run.listen(14.0)
            sent, cells = run.changed_cells(run.began + 2.0)
        print(f"  {name:26}{sent / 12:8.0f} B/s, {cells / 12:7.1f} cells/s, {sent / max(1, cells):6.1f} B a cell")


def _polls(run: Recorded, order: str, count: int) -> tuple[int, int]:
    """Return the bytes that some polls cost, and the cells that they changed."""
    since = time.monotonic()
    for _ in range(count):
        run.tell(order)
        run.listen(0.4)
    return run.changed_cells(since)


def load(rounds: int) -> None:
    """1,000 gauges that change once a second."""
    print("\n1,000 gauges at 1 Hz, 200x60: share of one core over 10 s")
    for name, environ in (("console", {}), ("console, Textual's driver", PLAIN)):
        shares, sent = [], []
        for _ in range(rounds):
            with recorded(PLAYED, (200, 60), environ=environ, takes_orders=True) as run:
                run.listen_until(SHOWN)
                run.settle()
                run.tell("sources 1000")
                run.tell("churn 1")
                run.listen(3.0)
                cpu, before, began = run.cpu_so_far_s(), run.sent, time.monotonic()
                run.listen(10.0)
                took = time.monotonic() - began
                shares.append((run.cpu_so_far_s() - cpu) / took)
                sent.append((run.sent - before) / took)
        print(f"  {name:28}{said(shares, '%', 100.0)}   {statistics.median(sent):9,.0f} B/s")
        if name == "console":
            print(f"    share: {aim('1,000 gauges', statistics.median(shares), 0.05)}")


def run(argv: Sequence[str]) -> int:
    """Measure, print, and return 1 when an aim is missed."""
    parser = argparse.ArgumentParser(prog="terminal", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", choices=("start", "keys", "bytes", "load"))
    options = parser.parse_args(argv)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="ppsconsole-bench-") as folder:
        parts: dict[str, Callable[[], None]] = {
            "start": lambda: start(options.rounds, Path(folder)),
            "keys": lambda: keys(30),
            "bytes": line,
            "load": lambda: load(max(1, options.rounds // 3)),
        }
        for name, part in parts.items():
            if options.only in (None, name):
                part()
    print(f"\nload {os.getloadavg()[0]:.1f} at the end; {'missed: ' + ', '.join(_missed) if _missed else 'every aim was met'}")
    return 1 if _missed else 0
