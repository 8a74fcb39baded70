"""The real program, which ends itself with SIGKILL as soon as a chosen record of its run is durable.

    python -m tests.lab.deadly POINT ARGUMENTS...

POINT is a record's number, or `KIND STEP`: the first record of that kind of that step which this process writes. `acted STEP` is
the first command that changed something for it. ARGUMENTS are those of `ppsconsole`.
"""

import os
import signal
import sys

from ppsconsole.engine.journal import Journal
from ppsconsole.plan.event import RunEvent


def fits(event: RunEvent, point: str) -> bool:
    """Return whether `event` is the record that `point` names."""
    if point.isdigit():
        return event.number == int(point)
    kind, _, step = point.partition(" ")
    if kind == "acted":
        return event.step == step and event.kind == "command-sent" and event.data["kind"] != "look"
    return (event.kind, event.step) == (kind, step)


def arm(point: str) -> None:
    """Have this process killed after the record that `point` names; what waits to be written behind it is never written."""
    append = Journal.append

    def deadly(journal: Journal, *events: RunEvent) -> None:
        for number, event in enumerate(events, 1):
            if fits(event, point):
                append(journal, *events[:number])
                os.kill(os.getpid(), signal.SIGKILL)
        append(journal, *events)

    Journal.append = deadly  # type: ignore[method-assign]


if __name__ == "__main__":
    from ppsconsole.__main__ import main

    arm(sys.argv[1])
    del sys.argv[1]
    main()
