"""Whom the lease of a backup keeps waiting: nobody, once nobody is at it; and everybody, while somebody may be."""

from dataclasses import replace

import pytest

from ppsconsole.engine.holder import Holder, this_process
from ppsconsole.engine.lease import SILENT_S, Claim, refusal_of
from ppsconsole.engine.lease_script import Sighting
from ppsconsole.engine.resume import find_run
from ppsconsole.plan.outcomes import RunVerdict
from tests.engine.hosts import Hosts
from tests.engine.test_lease import OTHER, ended_process
from tests.engine.test_session import Console, hostless, on_hosts, touching_plan
from tests.engine.test_takeover import Holding

pytestmark = pytest.mark.usefixtures("patient")

HERE = this_process()
DEAD = ended_process()


def seen(holder: Holder, runbook: str = "backup", state: str = "held", beat_age_s: float | None = 3.0) -> Sighting:
    note = {"since": "2026-01-01T00:00:00Z", "runbook": runbook, "reason": ""}
    return Sighting("h1", 7, f"7 old1 {state}", "old1", state, holder, beat_age_s, True, frozenset(), note)


@pytest.mark.parametrize("wanted", ["backup", "failover"])
@pytest.mark.parametrize(
    ("found", "is_free"),
    [
        (seen(DEAD), True),
        (seen(DEAD, "backup-verify"), True),
        (seen(OTHER, state="left"), True),
        (seen(OTHER, beat_age_s=SILENT_S + 60.0), True),
        (seen(OTHER, beat_age_s=SILENT_S - 60.0), False),
        (seen(OTHER, beat_age_s=None), False),
        (seen(OTHER, beat_age_s=-3600.0), False),
        (seen(replace(HERE), beat_age_s=SILENT_S + 60.0), False),
        (seen(DEAD, "restore"), False),
        (seen(DEAD, "backup-prune"), False),
        (seen(OTHER, "switchover", "left"), False),
        (replace(seen(DEAD), garbled="torn"), False),
    ],
)
def test_a_backup_that_nobody_is_at_keeps_no_other_run_waiting(found: Sighting, is_free: bool, wanted: str) -> None:
    claim = Claim("lab", "new1", wanted, ())
    assert (refusal_of(found, claim, HERE) == "") is is_free
    assert found.garbled or refusal_of(found, replace(claim, reason="I know"), HERE) == ""


def test_the_next_run_closes_a_backup_that_was_left_and_needs_no_reason(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        holding = Holding("stop-web")
        here = replace(console, around=replace(console.around, actions={"touch": holding}))
        async with await here.start(replace(hostless(touching_plan()), runbook="backup")) as left:
            holding.session = left
            assert (await left.runner.run()).is_open
        async with await console.start() as session:
            assert session.lease.replaced == (left.run_id,)
            found = await find_run(console.around.inventory, console.around.tools.ssh, console.journal, left.run_id)
            assert not found.is_open
            assert f"for run {session.run_id}" in found.events[-1].words
            assert (await session.runner.run()).verdict is RunVerdict.SUCCESS

    on_hosts(tmp_path, body)
