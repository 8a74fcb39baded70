"""SIGKILL of consoles before and after every journal record of every runbook, on a real lab; another console goes on with each.

    python -m tests.lab.kill_everywhere [RUNBOOK...] [--count N] [--seed N] [--before | --after] [--apart N] [--notes FILE]
    python -m tests.lab.kill_everywhere RUNBOOK [--back] --at MOMENT...

For each situation of each runbook (see `tests.lab.kill_cases`) a run that nobody kills shows which records there are. Then it
is run again and again: in each run one console after the other is killed, at every N-th moment, and each time another goes on,
in turns on the same machine and on one that has no journal of it, until at each moment one was killed. In one run consoles are
killed while they take over, at each record of that. Then it is begun and backed out of again and again, behind each of its
steps, and consoles that back out are killed at each of their records, and while they take over, too. What happened
on the hosts is held against what one run does, what lies there against what it may leave, and its records against each other.
Users are at work all the time; what they miss at the end has to lie in a window that was announced. Each runbook has a lab of
its own. Prints a line for each run and a table; what is not right is told in one line, with the command that runs
exactly that again, and the next runbook is begun. Ends with 1 where one was not right.

What it costs, on two cores with little else to do: 5 to 10 s for each run of what needs nothing before it, 20 to 35 s where a
failover or an alternate server comes first; three times that on a machine that is loaded. A runbook wants 5 to 60 runs, all of
them some hundreds: hours, as samples have it. So name a file by --notes, and call it again with the same words where it was
interrupted; it says before how many runs are to come. With --count 6 it is about an hour for all runbooks.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.lab.conftest import Lab
from tests.lab.kill_case import Case
from tests.lab.kill_cases import CASES
from tests.lab.kill_notes import Notes
from tests.lab.kill_nursery import Nursery
from tests.lab.kill_scene import KillScene
from tests.lab.kill_trial import Row, Trial
from tests.lab.kill_witness import Witness


def run(argv: list[str]) -> int:
    """Kill everywhere; return 0 when every run ended well and every act happened once."""
    chosen = _chosen(argv)
    rows: list[Row] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it wants its lab to go, too
    try:
        with Nursery() as nursery:
            for name in chosen.cases:
                if name in chosen.kept.rows:
                    rows.append(Row(**chosen.kept.rows[name]))
                    continue
                rows.append(_row(nursery, CASES[name](), chosen))
                if rows[-1].is_held:
                    chosen.kept.end(asdict(rows[-1]))
    finally:
        print(json.dumps([asdict(row) for row in rows], indent=2) if chosen.is_json else "\n".join(table(rows)), flush=True)
    return 0 if all(row.is_held for row in rows) else 1


def _row(nursery: Nursery, case: Case, chosen: argparse.Namespace) -> Row:
    """Go through one runbook, on a lab of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ppsconsole-kills-", dir=chosen.dir))
    folder.chmod(0o755)
    lab = Lab(folder / "lab", {"XDG_STATE_HOME": str(folder / "lab-state")})
    scene = KillScene(lab, folder / "consoles", nursery)
    trial = Trial(scene, case, chosen, chosen.kept)
    try:
        started = lab.up("--profile", "alternate")
        if started.returncode != 0:
            raise RuntimeError(started.stderr)
        scene.folder.mkdir()
        with Witness(scene.superuser) as witness, users(scene) as verification:
            trial.run()
            case.leave(scene)
        assert not witness.seen, witness.seen
        scene.check_lost(verification["lost"])
        lost = f"{len(verification['lost'])} of {verification['checked']} writes lost, announced"
        trial.row.is_held, trial.row.words = True, f"held; {lost}; {witness.looks} looks"
    except Exception as error:  # a scene that cannot be brought about, or a console that hangs, is not right either
        trial.row.words = "NOT RIGHT"
        if chosen.keep:
            print(error, file=sys.stderr)
        print(f"NOT RIGHT: {case.name}: {shortened(f'{type(error).__name__}: {error}')}", file=sys.stderr)
        print(f"again: {trial.row.repeat or f'python -m tests.lab.kill_everywhere {case.name}'}", file=sys.stderr, flush=True)
    finally:
        if chosen.keep and not trial.row.is_held:
            print(f"its lab goes on, in {lab.folder}; the consoles' journals lie beside it", file=sys.stderr)
        else:
            lab.down()
            shutil.rmtree(folder)
    return trial.row


def shortened(text: str, begin: int = 300, end: int = 500) -> str:
    """Return a text in one line; of a long one, as of all that a console said, its begin and its end."""
    line = " ".join(text.split())
    return line if len(line) <= begin + end else f"{line[:begin]} ... {line[-end:]}"


@contextmanager
def users(scene: KillScene) -> Iterator[dict[str, Any]]:
    """Users at work; what was verified at the end is in the value by then."""
    report = scene.folder / "load.json"
    line = [sys.executable, "-m", "ppsconsole", "lab", "load", "--rate", "10", "--dir", scene.lab.folder, "--report", report]
    load = subprocess.Popen(line, env={**os.environ, **scene.lab.env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    verification: dict[str, Any] = {}
    try:
        yield verification
        load.send_signal(signal.SIGINT)
        load.wait(300)
        verification |= json.loads(report.read_text())["verification"]
    finally:
        if load.poll() is None:
            load.kill()
            load.wait()


def table(rows: Sequence[Row]) -> list[str]:
    """Return the table that the command prints."""
    title = "seconds (to the start)"
    head = ("runbook", "records", "moments", "killed", "resumed", "backed out", "held", "not again", title, "invariants")
    lines = [head]
    for row in rows:
        counts = (row.killed, row.resumed, row.backed_out, row.held, len(row.again))
        took = f"{row.took_s:.0f} ({row.bringing_s:.0f})"
        moments = f"{row.chosen} of {row.moments}"
        lines.append((row.runbook, str(row.records), moments, *(str(each) for each in counts), took, row.words))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _chosen(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab.kill_everywhere", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runbooks", nargs="*", metavar="RUNBOOK", help=f"all where none is named: {', '.join(CASES)}")
    parser.add_argument("--seed", type=int, default=1, help="of what is chosen by --count")
    parser.add_argument("--count", type=int, default=0, help="so many moments of each runbook; 0: all of them")
    parser.add_argument("--apart", type=int, default=10, help="so many kills in one run at most")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--before", dest="kinds", action="store_const", const=("before",), help="only before a record is durable")
    when.add_argument("--after", dest="kinds", action="store_const", const=("after",), help="only after it is")
    parser.add_argument("--json", dest="is_json", action="store_true", help="print the table as JSON, and the lines beside it")
    parser.add_argument("--keep", action="store_true", help="leave lab and journals where something was not right")
    parser.add_argument("--notes", type=Path, metavar="FILE", help="note there what was gone through, and leave out what is")
    parser.add_argument("--at", action="append", default=[], metavar="MOMENT", help="only one run, killed at these, in order")
    parser.add_argument("--back", dest="is_back", action="store_true", help="behind the first of them, back out")
    parser.add_argument("--dir", help="where lab and journals lie meanwhile")
    parser.set_defaults(kinds=("before", "after"))
    chosen = parser.parse_args(argv)
    unknown = [name for name in chosen.runbooks if name not in CASES and name not in {case.runbook for case in CASES.values()}]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(CASES)}")
    wanted = set(chosen.runbooks)
    named = {name for name in wanted if name in CASES}
    # `restart` is the name of a row, and of the runbook of three: behind `--at` it is the row.
    chosen.cases = [
        name for name, case in CASES.items() if not wanted or name in named or (not chosen.at and case.runbook in wanted)
    ]
    if chosen.at and len(chosen.cases) != 1:
        parser.error(f"--at is of one: {', '.join(chosen.cases)}")
    how = {"seed": chosen.seed, "count": chosen.count, "kinds": list(chosen.kinds)}
    try:
        chosen.kept = Notes(None if chosen.at else chosen.notes, how)
    except ValueError as error:
        parser.error(str(error))
    return chosen


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
