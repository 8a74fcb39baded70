"""Following a run from another machine on real SSH servers: nothing is taken, and only what is new comes over."""

import json
from dataclasses import replace

import pytest

from ppsconsole.engine.following import Follower
from ppsconsole.engine.resume import find_run
from ppsconsole.errors import UsageError
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from tests.engine.hosts import Hosts
from tests.engine.test_lease import OTHER, ended_process
from tests.engine.test_session import Console, on_hosts

pytestmark = pytest.mark.usefixtures("patient")


async def follower_on(hosts: Hosts, tmp_path) -> tuple[Console, Follower]:
    there = Console.on(hosts, tmp_path / "there")
    found = await find_run(there.around.inventory, there.around.tools.ssh, there.journal)
    return there, Follower(there.around.inventory, there.around.tools.ssh, there.journal, found)


def is_begun(event: RunEvent, step: str) -> bool:
    return (event.kind, event.step) == ("step-started", step)


def test_what_another_console_does_comes_over_as_it_happens_and_nothing_is_taken(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        async with await console.start() as session:
            session.runner.recorder.listen(lambda event: session.runner.hold() if is_begun(event, "stop-web") else None)
            await session.flush()
            there, follower = await follower_on(hosts, tmp_path)
            first = await follower.look()
            assert (first.custody, first.holder) == ("held", session.lease.holder.said())
            assert first.since.endswith("Z")
            lines = hosts.lines()
            assert (await session.runner.run()).is_open
            await session.flush()
            second = await follower.look()
            assert [each.kind for each in second.events][: len(first.events)] == [each.kind for each in first.events]
            assert second.events[-1].kind == "held"
            assert second.custody == "held", "its console is still there"
            third = await follower.look()
            assert third.events == second.events
            assert hosts.lines() == lines
            assert (await session.runner.run()).verdict is RunVerdict.SUCCESS
        last = await follower.look()
        assert (last.events[-1].kind, last.custody) == ("run-finished", "free")
        there.journal.close()

    on_hosts(tmp_path, body)


def test_a_run_that_is_handed_over_says_so_and_is_taken_up_without_a_reason(tmp_path, monkeypatch) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        session = await console.start()
        session.runner.recorder.listen(lambda event: session.runner.hold() if is_begun(event, "prove") else None)
        assert (await session.runner.run()).is_open
        await session.hand_over("my shift ends")
        monkeypatch.setattr("ppsconsole.engine.lease.this_process", lambda: OTHER)
        there, follower = await follower_on(hosts, tmp_path)
        seen = await follower.look()
        assert seen.custody == "left"
        assert seen.events[-1].data["is_handed_over"]
        assert seen.events[-1].words == f"handed over by {session.lease.holder.said()}: my shift ends"
        async with await there.resume() as second:
            assert (await second.runner.run()).verdict is RunVerdict.SUCCESS
            with pytest.raises(UsageError, match="nothing to hand over"):
                await second.hand_over("")
        there.journal.close()

    on_hosts(tmp_path, body)


def test_a_console_that_died_on_this_machine_is_known_to_be_dead(tmp_path, monkeypatch) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        monkeypatch.setattr("ppsconsole.engine.lease.this_process", ended_process)
        async with await console.start() as session:
            await session.flush()
            there, follower = await follower_on(hosts, tmp_path)
            assert (await follower.look()).custody == "dead"
            there.journal.close()

    on_hosts(tmp_path, body)


def test_a_copy_that_was_put_in_anothers_place_is_read_anew_and_a_lost_host_is_no_end(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        async with await console.start() as session:
            await session.flush()
            there, follower = await follower_on(hosts, tmp_path)
            first = await follower.look()
            copy = hosts.file(first.hosts[0], f"runs/{session.run_id}/events.jsonl")
            end = replace(
                first.events[-1],
                number=len(first.events) + 1,
                kind="run-finished",
                words="taken over",
                data={"verdict": "failed", "epoch": 9},
            )
            copy.write_text("".join(json.dumps(each.as_json()) + "\n" for each in (*first.events, end)))
            assert (await follower.look()).events[-1] == end
            copy.write_text(json.dumps(first.events[0].as_json())[:20])
            assert (await follower.look()).events[-1] == end, "what is known stays known"
            await hosts.servers[first.hosts[0]].stop()
            assert (await follower.look()).hosts != first.hosts
            for name in hosts.servers:
                await hosts.servers[name].stop()
            last = await follower.look()
            assert (last.custody, last.events[-1]) == ("unseen", end)
            assert last.trouble
            there.journal.close()

    on_hosts(tmp_path, body)


def test_half_a_line_is_read_again_with_its_other_half(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        async with await console.start() as session:
            await session.flush()
            there, follower = await follower_on(hosts, tmp_path)
            first = await follower.look()
            copy = hosts.file(first.hosts[0], f"runs/{session.run_id}/events.jsonl")
            text = json.dumps(replace(first.events[-1], number=len(first.events) + 1, words="more").as_json()) + "\n"
            with copy.open("a") as file:
                file.write(text[:30])
            assert (await follower.look()).events == first.events
            with copy.open("a") as file:
                file.write(text[30:])
            assert (await follower.look()).events[-1].words == "more"
            there.journal.close()

    on_hosts(tmp_path, body)
