"""A new run takes the lease from an open one: what becomes of the old run, and of the copies that pile up on the hosts."""

import json
import os
from dataclasses import replace

import pytest

from ppsconsole.actions.base import Finding
from ppsconsole.engine.lease import Claim, Lease
from ppsconsole.engine.pruning import prune
from ppsconsole.engine.resume import copies_on_hosts, find_run
from ppsconsole.engine.session import Session
from ppsconsole.engine.stage import LeaseLost
from ppsconsole.engine.state import state_of
from ppsconsole.errors import Blocked, Leased, UsageError
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.step import Step
from tests.engine.hosts import Hosts
from tests.engine.test_lease import OTHER
from tests.engine.test_session import Console, Touch, nobody, on_hosts

pytestmark = pytest.mark.usefixtures("patient")


class Holding(Touch):
    """Asks for the run to be held while a step is at hand."""

    def __init__(self, step: str) -> None:
        self.step, self.session = step, None

    async def verify(self, bench, step: Step) -> Finding:
        if step.id == self.step:
            self.session.runner.hold()
        return await super().verify(bench, step)


async def left_after(console: Console, step: str) -> str:
    """Run as far as `step`, and leave; return the run's id."""
    holding = Holding(step)
    here = replace(console, around=replace(console.around, actions={"touch": holding}))
    async with await here.start() as session:
        holding.session = session
        assert (await session.runner.run()).is_open
    return session.run_id


def test_the_run_that_a_new_one_takes_over_from_is_closed_everywhere(tmp_path, monkeypatch) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        old = await left_after(console, "stop-web")
        monkeypatch.setattr("ppsconsole.engine.lease.this_process", lambda: OTHER)
        there = Console.on(hosts, tmp_path / "there")
        with pytest.raises(Leased, match=f"{old} is closed by that"):
            await there.start()
        # What the first console wrote afterwards, and nobody else ever saw, does not make it open again.
        late = console.journal.events(old)[-1].number + 1
        console.journal.append(RunEvent(old, late, 5.0, "output", "prove", "late"), RunEvent(old, late + 1, 5.0, "held"))
        async with await there.start(reason="anna went home") as session:
            assert (await session.runner.run()).verdict is RunVerdict.SUCCESS
        for journal in (there.journal, console.journal):
            found = await find_run(console.around.inventory, console.around.tools.ssh, journal, old)
            assert state_of(found.plan, found.events).verdict is RunVerdict.INCOMPLETE
            assert found.events[-1].words == f"taken over by {OTHER.said()} for run {session.run_id}; because anna went home"
        assert there.journal.run(old).verdict is RunVerdict.INCOMPLETE
        for name in ("h1", "h2"):
            lines = hosts.file(name, f"runs/{old}/events.jsonl").read_text().splitlines()
            assert json.loads(lines[-1])["data"]["taken_over_by"] == session.run_id
        with pytest.raises(UsageError, match="no run is open"):
            await console.resume()
        assert hosts.lines() == {}
        there.journal.close()

    on_hosts(tmp_path, body)


def test_a_run_that_left_nothing_but_its_lease_is_told_as_that(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        around = console.around
        claim = Claim("pps lab", "0badcafe", "switchover", ("h1", "h2"))
        lease = Lease(claim, around.inventory, around.tools.ssh, around.clock, holder=OTHER)
        await lease.take()
        try:
            with pytest.raises(UsageError) as refused:
                await find_run(around.inventory, around.tools.ssh, console.journal, "0bad")
            assert refused.value.what == (
                "h1 has the lease of run 0badcafe, and no host that answers has a record of it: "
                f"{OTHER.said()} had done nothing there yet"
            )
            with pytest.raises(UsageError, match="no run begins with 'cafe'"):
                await find_run(around.inventory, around.tools.ssh, console.journal, "cafe")
            with pytest.raises(Leased):
                await console.start()
            async with await console.start(reason="the one who began it is gone") as session:
                assert (await session.runner.run()).verdict is RunVerdict.SUCCESS
        finally:
            await lease.leave()

    on_hosts(tmp_path, body)


def test_a_host_that_cannot_close_its_copy_is_an_issue(tmp_path, monkeypatch) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        old = await left_after(console, "stop-web")
        hosts.file("h1", f"runs/{old}/events.new").mkdir()
        async with await console.start(reason="again") as session:
            assert (await session.runner.run()).verdict is RunVerdict.SUCCESS_WITH_ISSUES
            assert [f"run {old} on h1" in each for each in session.runner.state.issues] == [True]
        assert console.journal.run(old).verdict is RunVerdict.INCOMPLETE

    on_hosts(tmp_path, body)


def test_a_resume_without_the_lease_names_the_ways_that_are_left(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        old = await left_after(console, "stop-web")
        await hosts.servers["h2"].stop()
        with pytest.raises(Blocked, match=f"runs back-out {old}.*runs abandon {old}.*need h1 alone.*--reason"):
            await console.resume()

    on_hosts(tmp_path, body)


def test_a_run_whose_lease_was_lost_cannot_be_abandoned(tmp_path, monkeypatch) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        old = await left_after(console, "stop-web")
        async with await console.resume() as session:
            monkeypatch.setattr("ppsconsole.engine.lease.this_process", lambda: OTHER)
            there = Console.on(hosts, tmp_path / "there")
            found = await find_run(console.around.inventory, console.around.tools.ssh, there.journal, old)
            async with await Session.resume(there.around, found, nobody, is_interactive=False, reason="anna sleeps") as other:
                with pytest.raises(LeaseLost):
                    await session.runner.abandon("we go on by hand")
                assert "run-finished" not in {each.kind for each in console.journal.events(old)}
                assert (await other.runner.run()).verdict is RunVerdict.SUCCESS
        there.journal.close()

    on_hosts(tmp_path, body)


def test_hosts_keep_every_open_run_and_the_last_finished_ones(tmp_path, monkeypatch) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        open_one = await left_after(console, "stop-web")
        made = hosts.file("h1", f"runs/{open_one}")
        finished = json.dumps({"kind": "run-finished"})
        tricky = json.dumps({"kind": "output", "words": finished})
        for number in range(8):
            folder = made.with_name(f"old{number}")
            folder.mkdir()
            (folder / "plan.json").write_text("{}")
            (folder / "events.jsonl").write_text(f"{tricky if number < 2 else finished}\n")
            os.utime(folder / "events.jsonl", (number, number))
        lease = hosts.lease("new1", console.around.clock, reason="go")
        await lease.take()
        monkeypatch.setattr("ppsconsole.engine.pruning.KEPT_RUNS", 3)
        await prune(console.around.tools.ssh, lease)
        await lease.release()
        left = {folder.name for folder in made.parent.iterdir()}
        assert left == {open_one, "old0", "old1", "old5", "old6", "old7"}
        found = (await copies_on_hosts(console.around.inventory, console.around.tools.ssh)).copies
        assert [copy.run for copy in found] == [open_one]
        monkeypatch.setattr("ppsconsole.engine.pruning.KEPT_RUNS", 0)
        await prune(console.around.tools.ssh, lease)
        assert {folder.name for folder in made.parent.iterdir()} == left, "without the lease nothing is touched"

    on_hosts(tmp_path, body)


def test_a_run_prunes_as_it_begins(tmp_path, monkeypatch) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        monkeypatch.setattr("ppsconsole.engine.pruning.KEPT_RUNS", 1)
        runs = []
        for _ in range(3):
            async with await console.start() as session:
                assert (await session.runner.run()).verdict is RunVerdict.SUCCESS
            runs.append(session.run_id)
        left = {folder.name for folder in hosts.file("h2", f"runs/{runs[-1]}").parent.iterdir()}
        assert left == set(runs[-2:])
        assert {record.id for record in console.journal.runs()} == set(runs), "journals keep all"

    on_hosts(tmp_path, body)
