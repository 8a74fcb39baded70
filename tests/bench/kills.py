"""SIGKILL of the console after every record of a real run, on a real lab, each gone on with by another console.

`python -m tests.bench kills [switchover] [failover] [--first N] [--step N] [--keep]`. For each record of a run (every
`--step`-th, from `--first` on): run, kill the console when that record is durable, resume in turns from the same machine and
from another one, and hold what happened on the hosts against what one run does. A load works all the time; what it misses at
its end has to lie in a failover's announced window. Prints a line for each record, and ends with 1 at the first that is not
right.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.lab.conftest import Lab
from tests.lab.kill_scene import KillScene


def run(argv: list[str]) -> int:
    """Kill after every record; return 0 when every run ended well and every act happened once."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench kills", description=__doc__)
    parser.add_argument("runbooks", nargs="*", default=["switchover", "failover"])
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave lab and journals where something was not right")
    chosen = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="ppsconsole-kills-"))
    folder.chmod(0o755)
    lab = Lab(folder / "lab", {"XDG_STATE_HOME": str(folder / "lab-state")})
    started = lab.up()
    try:
        if started.returncode != 0:
            raise RuntimeError(started.stderr)
        for runbook in chosen.runbooks:
            _every_record(KillScene(lab, folder / f"consoles-{runbook}"), runbook, chosen.first, chosen.step)
    except AssertionError as error:
        print(f"NOT RIGHT: {error}")
        if chosen.keep:
            print(f"the lab goes on, in {lab.folder}; the consoles' journals lie beside it")
            return 1
        _gone(lab, folder)
        return 1
    except BaseException:
        _gone(lab, folder)
        raise
    _gone(lab, folder)
    return 0


def _gone(lab: Lab, folder: Path) -> None:
    lab.down()
    shutil.rmtree(folder)


def _every_record(scene: KillScene, runbook: str, first: int, step: int) -> None:
    report = scene.folder / "load.json"
    scene.folder.mkdir()
    line = [sys.executable, "-m", "ppsconsole", "lab", "load", "--rate", "20", "--dir", scene.lab.folder, "--report", report]
    load = subprocess.Popen(line, env={**os.environ, **scene.lab.env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        record, began = first, time.monotonic()
        while True:
            machines = ("here", "there") if (record - first) // step % 2 else ("here",)
            story = scene.played(runbook, str(record), machines=machines)
            if story is None:
                break
            print(f"{time.monotonic() - began:6.0f}s {runbook} killed after record {record}, {machines[-1]}: success", flush=True)
            record += step
        load.send_signal(signal.SIGINT)
        load.wait(300)
        verification = json.loads(report.read_text())["verification"]
        scene.check_lost(verification["lost"])
        lost = f"{len(verification['lost'])} of {verification['checked']} acknowledged writes lost"
        print(f"{runbook}: {len(scene.stories)} runs killed and gone on with; {lost}, all where it was announced", flush=True)
    finally:
        if load.poll() is None:
            load.kill()
            load.wait()
