"""Secrets that hosts repeat, in every way of writing: none of them is in the journal's file after a run that failed over them."""

import asyncio
import json

from ppsconsole.engine.journal import open_journal
from ppsconsole.engine.state import state_of
from ppsconsole.errors import TimedOut
from ppsconsole.inventory.places import state_home
from ppsconsole.masking import masker
from ppsconsole.plan.event import RunEvent
from tests.engine.scripted import Scene, World, scripted_plan

RESOLVED = "Pla nted'1\"x\\y"
"""Was resolved here, so it is known in any place."""

UNRESOLVED = ("Planted2Zq", "Planted3Zq", "Planted4Zq", "Planted5Zq", "PLANTED6ZQPLANTED6ZQ")
"""Only the place where they stand tells that they are secrets."""

SAID = (
    f"known: {RESOLVED}; {json.dumps(RESOLVED)}; PGPASSWORD={UNRESOLVED[0]} psql; host=db1 password='{UNRESOLVED[1]} more' x; "
    f"Host=db1;Password={UNRESOLVED[2]};Database=pps; postgresql://pps:{UNRESOLVED[3]}@db1/pps; AGE-SECRET-KEY-{UNRESOLVED[4]}"
)


class Repeating(World):
    """Says it where a step finds something out, and where it fails."""

    async def fault(self, step: str, phase: str) -> str:
        if (step, phase) == ("stop-web", "act"):
            raise TimedOut(SAID, where=SAID, remedy=SAID)
        return await super().fault(step, phase)


def test_nothing_of_what_hosts_repeat_is_in_the_journal() -> None:
    masker.add(RESOLVED)
    journal, plan = open_journal(), scripted_plan()

    class Kept:
        def append(self, *events: RunEvent) -> None:
            journal.append(*events)

    journal.start("run1", plan, 5.0, "anna@ops1 pid 1")
    scene = Scene(Repeating(), plan, records=Kept())
    runner = scene.runner(state_of(plan, ()))

    async def main() -> None:
        runner.recorder.note("output", "stop-web", SAID, {"said": SAID, "deep": [{SAID: [SAID]}]})
        await runner.run()

    asyncio.run(main())
    events = journal.events("run1")
    told = json.dumps([event.as_json() for event in events], ensure_ascii=False)
    journal.close()
    assert "•••" in told
    kept = b"".join(each.read_bytes() for each in state_home().iterdir() if each.is_file()).decode("utf-8", "replace")
    for secret in (RESOLVED, json.dumps(RESOLVED)[1:-1], "nted'1", *UNRESOLVED):
        assert secret not in told
        assert secret not in kept
