"""A host that keeps no copy of the journal for a while: told at once, and no issue any more once it has all of it."""

import asyncio

import pytest

from ppsconsole.plan.outcomes import RunVerdict
from tests.engine.hosts import DEADLINE_S, Hosts, until
from tests.engine.test_session import Console, on_hosts

pytestmark = pytest.mark.usefixtures("patient")

ABOUT = "h1 keeps no copy of the journal"


def broken(hosts: Hosts, run: str) -> None:
    """Let h1 have a folder where its copy is to be."""
    copy = hosts.file("h1", f"runs/{run}/events.jsonl")
    copy.unlink()
    copy.mkdir()


def told(console: Console, run: str) -> list[str]:
    """Return what was told of the copy on h1, in order."""
    kinds = ("issue-noted", "issue-over")
    return [event.kind for event in console.journal.events(run) if event.kind in kinds and event.words.startswith("h1 keeps ")]


def test_a_host_that_is_well_again_by_the_end_keeps_no_run_from_being_a_success(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        async with await console.start() as session:
            await session._copies.flush()
            broken(hosts, session.run_id)
            first = await session.runner.record("output", words="something to copy")
            async with asyncio.timeout(DEADLINE_S):
                await until(lambda: any(ABOUT in each for each in session.runner.state.issues))
            hosts.file("h1", f"runs/{session.run_id}/events.jsonl").rmdir()
            result = await session.runner.run()
            assert session.runner.state.issues == ()
        assert result.verdict is RunVerdict.SUCCESS
        assert told(console, session.run_id) == ["issue-noted", "issue-over"]
        copied = hosts.file("h1", f"runs/{session.run_id}/events.jsonl").read_text()
        later = [event for event in console.journal.events(session.run_id) if event.number >= first.number]
        assert all(f'"number": {event.number},' in copied for event in later), copied

    on_hosts(tmp_path, body)


def test_what_a_console_before_said_of_a_host_that_has_a_copy_now_is_over(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        async with await console.start() as session:
            await session._copies.flush()
            broken(hosts, session.run_id)
            session.runner.hold()
            assert (await session.runner.run()).is_open
            async with asyncio.timeout(DEADLINE_S):
                await until(lambda: any(ABOUT in each for each in session.runner.state.issues))
        assert told(console, session.run_id) == ["issue-noted"]
        hosts.file("h1", f"runs/{session.run_id}/events.jsonl").rmdir()
        async with await console.resume() as second:
            assert (await second.runner.run()).verdict is RunVerdict.SUCCESS
        assert told(console, session.run_id) == ["issue-noted", "issue-over"]

    on_hosts(tmp_path, body)
