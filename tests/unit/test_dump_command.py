"""The command that dumps, run by a real shell among programs that answer late, little or nothing."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from ppsconsole.actions.dump_database import DumpDatabase
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step
from tests.unit.test_restore_plan import with_dumps

_REST = "cat >/dev/null 2>&1; exit 0"
"""What a holder does until its input ends."""
PROGRAMS = {
    # The one that holds the snapshot reads its words from the pipe; the one that counts has them in its arguments.
    "psql": 'case "$*" in *snapshot=*) echo counted; exit 0;; esac; read -r said; printf "$HOLDER_SAYS"; ' + _REST,
    "pg_dump": 'echo "$@" >>"$TOLD"; for w; do last=$w; done; mkdir "$last"; echo data >"$last/1.dat"',
    "pg_restore": 'echo "1; TABLE DATA public users"',
    # The file that the holder answers into is looked at before its shell has come to opening it: `wc` says nothing then.
    "wc": 'if [ -e "$TOLD.once" ]; then exec /usr/bin/wc "$@"; fi; : >"$TOLD.once"',
}


def run_dump(tmp_path: Path, holder_says: str) -> tuple[subprocess.CompletedProcess[str], Path, str]:
    """Return how the command ended, the folder that it is to leave, and with which words pg_dump was started."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, body in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    inventory = _here(with_dumps(), tmp_path, str(programs))
    step = Step(id="dump", title="dump", verb="dump-database", node="db1", host="db1", arguments={"source": "db2"})
    (line,) = DumpDatabase().commands(inventory, step)
    told = tmp_path / "told"
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "TOLD": str(told), "HOLDER_SAYS": holder_says}
    command = line.split("$ ", 1)[1]
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done, tmp_path / "data.restore-RUN", told.read_text() if told.exists() else ""


def _here(inventory: Inventory, folder: Path, programs: str) -> Inventory:
    instances = {
        name: replace(each, data_directory=str(folder / "data"), bin_directory=programs)
        for name, each in inventory.database.instances.items()
    }
    return replace(inventory, database=replace(inventory.database, instances=instances))


def test_a_snapshot_that_is_late_is_waited_for(tmp_path: Path) -> None:
    done, folder, told = run_dump(tmp_path, "00000003-0000001B-1\\n778\\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--snapshot=00000003-0000001B-1" in told
    assert "position=778" in (folder / "about").read_text()
    assert sorted(each.name for each in folder.iterdir()) == ["about", "dump", "list", "said", "sums"]


def test_nothing_is_dumped_under_a_snapshot_without_a_name(tmp_path: Path) -> None:
    done, folder, told = run_dump(tmp_path, "\\n778\\n")
    assert done.returncode == 1
    assert "no snapshot" in done.stderr
    assert (told, folder.exists(), Path(f"{folder}.part").exists()) == ("", False, False)
