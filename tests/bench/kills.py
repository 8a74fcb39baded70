"""SIGKILL of the console after every record of a real run, on a real lab, each gone on with by another console.

`python -m tests.bench kills [switchover] [failover] [--apart N] [--from N] [--keep]`. First a run that nobody kills shows which
records there are. Then the runbook is run again and again: in each run a console is killed after every N-th record, and each time
another one goes on, in turns on the same machine and on another, until after each record one was killed. What happened on the
hosts is held against what one run does. A load works all the time; what it misses at its end has to lie in a failover's announced
window. Prints a line for each run, and ends with 1 at the first that is not right.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.conftest import Lab
from tests.lab.deadly import names_of
from tests.lab.kill_scene import KillScene


def run(argv: list[str]) -> int:
    """Kill after every record; return 0 when every run ended well and every act happened once."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench kills", description=__doc__)
    parser.add_argument("runbooks", nargs="*", default=["switchover", "failover"])
    parser.add_argument("--apart", type=int, default=10, help="records between two kills of one run")
    parser.add_argument("--from", dest="first", type=int, default=0, help="begin with the N-th run")
    parser.add_argument("--keep", action="store_true", help="leave lab and journals where something was not right")
    chosen = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="ppsconsole-kills-"))
    folder.chmod(0o755)
    lab = Lab(folder / "lab", {"XDG_STATE_HOME": str(folder / "lab-state")})
    is_right = False
    try:
        started = lab.up()
        if started.returncode != 0:
            raise RuntimeError(started.stderr)
        for runbook in chosen.runbooks:
            _every_record(KillScene(lab, folder / f"consoles-{runbook}"), runbook, chosen.apart, chosen.first)
        is_right = True
    except AssertionError as error:
        print(f"NOT RIGHT: {error}")
    finally:
        if is_right or not chosen.keep:
            lab.down()
            shutil.rmtree(folder)
        else:
            print(f"the lab goes on, in {lab.folder}; the consoles' journals lie beside it")
    return 0 if is_right else 1


def _every_record(scene: KillScene, runbook: str, apart: int, first: int) -> None:
    scene.folder.mkdir()
    began, killed, gone = time.monotonic(), 0, list[str]()
    with _load(scene) as verification:
        _, to = scene.aim()
        scene.played(runbook)
        points = _points(scene)
        print(f"{runbook}: {len(points)} records", flush=True)
        for number in range(first, apart):
            _, new = scene.aim()
            wanted = [point if new == to else _mirrored(point) for point in points[number::apart]]
            story = scene.played(runbook, *wanted, machines=("here", "there"))
            missed = [point for point in wanted if point not in story.kills]
            while missed:  # its moment was over when the console before was killed: it comes first in a run of its own
                missed = [_mirrored(point) for point in missed]  # each run goes the other way
                again = scene.played(runbook, *missed, machines=("there", "here"))
                killed += len(again.kills)
                gone += [] if again.kills else missed[:1]
                missed = [point for point in missed[0 if again.kills else 1 :] if point not in again.kills]
            killed += len(story.kills)
            print(f"{time.monotonic() - began:6.0f}s run {story.run}: {len(story.kills)} consoles killed, success", flush=True)
    scene.check_lost(verification["lost"])
    lost = f"{len(verification['lost'])} of {verification['checked']} acknowledged writes lost"
    print(f"{runbook}: {killed} consoles killed in {len(scene.stories)} runs; {lost}, all where it was announced")
    print(f"records that did not come again: {', '.join(gone) or 'none'}", flush=True)


def _mirrored(point: str) -> str:
    """Return the record of a run in the other direction: what is done to the one side is then done to the other."""
    return re.sub(r"(?<=db|ps)[12](?=$|#)", lambda found: "2" if found[0] == "1" else "1", point)


def _points(scene: KillScene) -> list[str]:
    """Return the records of the latest run, in order, as `tests.lab.deadly` names them."""
    seen: Counter[str] = Counter()
    found = []
    for event in scene.events("here"):
        name = names_of(event)[0]
        seen[name] += 1
        found.append(f"{name}#{seen[name]}")
    return found[:-1]  # behind the last one nothing is left to go on with


@contextmanager
def _load(scene: KillScene) -> Iterator[dict[str, Any]]:
    """Users at work; what a load verified at its end is in the value by then."""
    report = scene.folder / "load.json"
    line = [sys.executable, "-m", "ppsconsole", "lab", "load", "--rate", "20", "--dir", scene.lab.folder, "--report", report]
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
