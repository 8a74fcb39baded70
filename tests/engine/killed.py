"""Run in a process of its own: kills a console after each record of a run, and has another one go on with it.

    python -m tests.engine.killed FOLDER RUNBOOK RECORDS

For every record up to RECORDS (0: all there are) a child process runs the plan on a scripted world kept in a file, and ends
itself with SIGKILL as soon as that record is durable; a second child resumes from the journal. Prints one JSON line for each.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import ppsconsole.engine.journal_schema  # noqa: F401 - loaded once here and not in every child
from ppsconsole.clock import SystemClock
from ppsconsole.engine.journal import Journal, open_journal
from ppsconsole.engine.state import state_of
from tests.engine.scripted import Scene, World, scripted_plan


class Deadly:
    """A journal after whose n-th record the process is killed."""

    def __init__(self, journal: Journal, deadly: int) -> None:
        self.journal, self.deadly = journal, deadly

    def append(self, *events) -> None:
        for event in events:
            self.journal.append(event)
            if event.number == self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)


def console(folder: Path, runbook: str, deadly: int) -> str:
    """Run, or go on with, the plan; return the verdict."""
    journal = open_journal(folder=folder / "state")
    plan = scripted_plan(runbook)
    journal.start("run1", plan, 1.0, "x")
    known = journal.events("run1")
    scene = Scene(World(folder / "world.json"), plan=plan, records=Deadly(journal, deadly), clock=SystemClock())

    async def go() -> str:
        runner = scene.runner(state_of(plan, known))
        result = await runner.run()
        await runner.recorder.aclose()
        assert runner.state == state_of(plan, journal.events("run1")), "the journal replays to the state that the runner had"
        return result.verdict.value

    return asyncio.run(go())


def in_child(work) -> int:
    """Run `work` in a child process and return how that ended, as `waitpid` says it."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print(f"child: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def main(folder: Path, runbook: str, records: int) -> None:
    deadly = 0
    while True:
        deadly += 1
        place = folder / str(deadly)
        place.mkdir()
        ended = in_child(lambda place=place, deadly=deadly: console(place, runbook, deadly))
        is_killed = os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGKILL
        if not is_killed:
            assert ended == 0
            break
        assert in_child(lambda place=place: (place / "verdict").write_text(console(place, runbook, 0))) == 0
        acts = (place / "world.acts").read_text().split()
        facts = json.loads((place / "world.json").read_text())
        print(json.dumps({"record": deadly, "verdict": (place / "verdict").read_text(), "acts": acts, "facts": facts}))
        if deadly == records:
            break


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
