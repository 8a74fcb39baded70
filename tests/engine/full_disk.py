"""Run in a mount namespace of its own: fills a small file system under the journal, and prints what came of it.

python -m tests.engine.full_disk FOLDER
"""

import os
import subprocess
import sys
from pathlib import Path

from ppsconsole.engine.journal import open_journal
from ppsconsole.engine.journal_place import RESERVE_BYTES, RESERVE_FILE
from ppsconsole.errors import JournalError
from ppsconsole.plan.event import RunEvent
from tests.engine.scripted import scripted_plan

SIZE = RESERVE_BYTES + (4 << 20)


def mount(folder: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=True)


def fill(folder: Path) -> None:
    with (folder / "log").open("wb") as file:
        try:
            while True:
                os.write(file.fileno(), b"\0" * 4096)
        except OSError:
            pass


def main(folder: Path) -> None:
    mount(folder)
    journal = open_journal(folder=folder / "state")
    journal.reserve()
    journal.start("aaaa", scripted_plan(), 1.0, "anna@ops1 pid 1")
    fill(folder)
    written = 0
    try:
        while True:
            written += 1
            journal.append(RunEvent("aaaa", written, 1.0, "output", "drain", "x" * 20_000))
    except JournalError as error:
        print(written, (folder / "state" / RESERVE_FILE).stat().st_size, error)
    assert len(journal.events("aaaa")) == written - 1
    try:
        journal.reserve()
    except JournalError as error:
        print(error)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
