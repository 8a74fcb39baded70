"""Run in a mount namespace of its own: a journal on a file system that becomes read-only, before and under a run.

python -m tests.engine.read_only FOLDER
"""

import os
import subprocess
import sys
from pathlib import Path

from ppsconsole.engine.journal import open_journal
from ppsconsole.errors import JournalError
from ppsconsole.plan.event import RunEvent
from tests.engine.full_disk import mount
from tests.engine.scripted import scripted_plan


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def main(folder: Path) -> None:
    mount(folder)
    state = folder / "ppsconsole"
    journal = open_journal(folder=state)
    journal.start("aaaa", scripted_plan(), 1.0, "anna@ops1 pid 1")
    journal.append(RunEvent("aaaa", 1, 1.0, "output", "drain", "x"))
    journal.close()
    before = sorted((each.name, each.read_bytes()) for each in state.iterdir())
    remount(folder, "ro")
    try:
        open_journal(folder=state)
    except JournalError as error:
        print(f"{error.exit_code} {error}")
    environ = {**os.environ, "XDG_STATE_HOME": str(folder), "COVERAGE": ""}
    for words in (["runs", "list"], ["runs", "resume"]):
        ended = subprocess.run(
            [sys.executable, "-m", "ppsconsole", "-i", "sample-inventory.yaml", *words],
            env=environ,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        print(ended.returncode, " ".join((ended.stderr or ended.stdout).split()))
    assert sorted((each.name, each.read_bytes()) for each in state.iterdir()) == before
    remount(folder, "rw")
    journal = open_journal(folder=state)
    assert len(journal.events("aaaa")) == 1
    journal.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
