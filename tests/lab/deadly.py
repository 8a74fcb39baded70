"""The real program, which ends itself with SIGKILL at a chosen record of its run, or falls asleep then.

    python -m tests.lab.deadly [asleep] POINT ARGUMENTS...

With `asleep` it stops itself by SIGSTOP instead, and goes on where it was when it is woken. POINT is `KIND STEP`: as soon as the
first record of that kind of that step which this process writes is durable; or `KIND STEP#N`: the N-th; or `before KIND STEP`:
when it is about to be written, so that what it tells was done and nobody knows. `acted STEP` is the first command that changed
something for it. ARGUMENTS are those of `ppsconsole`.
"""

import os
import signal
import sys
from collections import Counter

from ppsconsole.engine.journal import Journal
from ppsconsole.plan.event import RunEvent

BEFORE = "before "
WRITINGS = "writings "
"""Before a path: nothing is killed, and the number of the first record of each writing is put there, one a line."""


def names_of(event: RunEvent) -> list[str]:
    """Return what a record is called here, without its count."""
    names = [f"{event.kind} {event.step}".strip()]
    if event.kind == "command-sent" and event.data["kind"] != "look":
        names.append(f"acted {event.step}")
    return names


def arm(point: str, by: signal.Signals = signal.SIGKILL) -> None:
    """Have this process killed at the record that `point` names; what waits to be written behind it is never written.

    With SIGSTOP it is as if its machine slept: it goes on with that when it is woken.
    """
    if point.startswith(WRITINGS):
        _follow(point.removeprefix(WRITINGS))
        return
    append = Journal.append
    is_before = point.startswith(BEFORE)
    wanted, _, number = point.removeprefix(BEFORE).partition("#")
    seen: Counter[str] = Counter()

    def deadly(journal: Journal, *events: RunEvent) -> None:
        for count, event in enumerate(events, 0 if is_before else 1):
            seen.update(names_of(event))
            if wanted in names_of(event) and seen[wanted] == int(number or 1):
                if count:
                    append(journal, *events[:count])
                os.kill(os.getpid(), by)
                if count < len(events):
                    append(journal, *events[count:])
                return
        append(journal, *events)

    Journal.append = deadly  # type: ignore[method-assign]


def _follow(path: str) -> None:
    append = Journal.append

    def followed(journal: Journal, *events: RunEvent) -> None:
        if events:
            with open(path, "a") as file:
                print(events[0].number, file=file)
        append(journal, *events)

    Journal.append = followed  # type: ignore[method-assign]


if __name__ == "__main__":
    from ppsconsole.__main__ import main

    is_sleep = sys.argv[1] == "asleep"
    arm(sys.argv[1 + is_sleep], signal.SIGSTOP if is_sleep else signal.SIGKILL)
    del sys.argv[1 : 2 + is_sleep]
    main()
