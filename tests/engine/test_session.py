"""A whole session on real SSH servers: refusals before anything is touched, lease, copies, and another machine that goes on."""

import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ppsconsole.actions.base import Finding
from ppsconsole.clock import SystemClock
from ppsconsole.engine.journal import Journal, open_journal
from ppsconsole.engine.resume import copies_on_hosts, find_run
from ppsconsole.engine.session import Session, Surroundings
from ppsconsole.engine.stage import LeaseLost
from ppsconsole.errors import Blocked, Leased, UsageError
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.proof import FenceProof, Rung, ZeroLossProof
from ppsconsole.plan.step import Gate, Step
from tests.engine.hosts import DEADLINE_S, Hosts, until
from tests.engine.scripted import nobody, scripted_plan
from tests.engine.test_lease import OTHER

pytestmark = pytest.mark.usefixtures("patient")

STEPS = ("stop-web", "stop-primary", "prove", "promote", "start-web")


class Touch:
    """Makes a file on a host, through the guard; done when it is there. `act` counts itself in a file beside it."""

    def commands(self, inventory, step: Step) -> tuple[str, ...]:
        return (f"{step.host}$ touch {step.id}",)

    async def precheck(self, bench, step: Step) -> Finding:
        return Finding("yes", "may act")

    async def act(self, bench, step: Step) -> None:
        await bench.hosts.act(step.host, f"echo acted >>{step.id}.count; touch {step.id}; echo token=hunter2")

    async def verify(self, bench, step: Step) -> Finding:
        found = await bench.hosts.look(step.host, f"test -e {step.id}")
        if found.exit_status != 0:
            return Finding("no", "not there")
        made = {
            "stop-primary": (FenceProof("db1", Rung.CLEAN_STOP, ("shut down",), 1.0, bench.run),),
            "prove": (ZeroLossProof("db1", "db2", "0/1", "0/2", 1, 1.0, bench.run),),
        }
        return Finding("yes", "there", {"host": step.host}, made.get(step.id, ()))

    async def undo(self, bench, step: Step) -> None:
        await bench.hosts.act(step.host, f"rm -f {step.id}")

    async def verify_undone(self, bench, step: Step) -> Finding:
        found = await bench.hosts.look(step.host, f"test -e {step.id}")
        return Finding("yes" if found.exit_status else "no", "looked")


def touching_plan(**more) -> Plan:
    def step(step_id: str, host: str, **rest) -> Step:
        commands = (f"{host}$ touch {step_id}",)
        return Step(step_id, f"Do {step_id}", "touch", f"db{host[1:]}", host, commands=commands, timeout_s=20, **rest)

    steps = (
        step("stop-web", "h1"),
        step("stop-primary", "h1"),
        step("prove", "h2"),
        step("promote", "h2", is_point_of_no_return=True, is_undoable=False, needs=("fence", "zero-loss")),
        step("start-web", "h2"),
    )
    return replace(scripted_plan(), cluster="pps lab", steps=steps, identities=scripted_plan().identities[:1], **more)


@dataclass
class Tools:
    ssh: object


@dataclass
class Console:
    """One machine with a console on it: a journal and connections of its own."""

    hosts: Hosts
    journal: Journal
    around: Surroundings

    @classmethod
    def on(cls, hosts: Hosts, folder: Path) -> "Console":
        inventory, journal = hosts.inventory(), open_journal(folder=folder)
        around = Surroundings(inventory, Tools(hosts.pool()), journal, SystemClock(), {"touch": Touch()})
        return cls(hosts, journal, around)

    async def start(self, plan: Plan | None = None, **more) -> Session:
        return await Session.start(self.around, plan or hostless(touching_plan()), nobody, **{"is_interactive": False, **more})

    async def resume(self, reason: str = "") -> Session:
        found = await find_run(self.around.inventory, self.around.tools.ssh, self.journal)
        return await Session.resume(self.around, found, nobody, is_interactive=False, reason=reason)


def hostless(plan: Plan) -> Plan:
    """The plan without the hosts' names: all servers of a test run on this machine and give its name."""
    return replace(plan, identities=tuple(replace(each, hostname="", data_directory="") for each in plan.identities))


def on_hosts(tmp_path, body) -> None:
    async def main() -> None:
        async with Hosts(tmp_path) as hosts:
            await hosts.open("h1", "h2")
            console = Console.on(hosts, tmp_path / "here")
            try:
                await body(hosts, console)
            finally:
                console.journal.close()

    asyncio.run(main())


def counts(hosts: Hosts) -> dict[str, int]:
    found = {}
    for name in hosts.hosts:
        for path in (hosts.folder / name).glob("*.count"):
            found[path.stem] = len(path.read_text().splitlines())
    return found


def test_a_run_takes_the_lease_copies_itself_and_gives_the_lease_back(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        seen = []
        async with await console.start() as session:
            assert hosts.lines()["h2"] == f"1 {session.run_id} held"
            session.runner.recorder.listen(lambda event: seen.append(event.kind))
            result = await session.runner.run()
        assert result.verdict is RunVerdict.SUCCESS
        assert counts(hosts) == dict.fromkeys(STEPS, 1)
        assert hosts.lines() == {}
        events = console.journal.events(session.run_id)
        assert [event.kind for event in events[:2]] == ["run-started", "lease-taken"]
        assert events[1].data["hosts"] == ["h1", "h2"]
        assert "command-sent" in seen
        assert "hunter2" not in json.dumps([event.as_json() for event in events])
        for name in ("h1", "h2"):
            folder = hosts.file(name, f"runs/{session.run_id}")
            assert Plan.from_json(json.loads((folder / "plan.json").read_text())) == session.plan
            copied = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines() if line]
            assert copied == [json.loads(json.dumps(event.as_json())) for event in events]
        assert console.journal.run(session.run_id).verdict is RunVerdict.SUCCESS
        told = await copies_on_hosts(console.around.inventory, console.around.tools.ssh)
        found, away = told.copies, told.missing
        assert ([copy.run for copy in found], away) == ([session.run_id], ())

    on_hosts(tmp_path, body)


def test_what_refuses_a_run_does_so_before_anything_is_touched(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        plan = hostless(touching_plan())
        blocked = replace(plan, preflight=(Item("backup-age", "failing", "26h old", "Make a backup", is_blocking=True),))
        gated = replace(plan, steps=(*plan.steps[:-1], replace(plan.steps[-1], gate=Gate("name", "Type it", "--approve"))))
        with pytest.raises(Blocked, match="read-only"):
            await Session.start(replace(console.around, is_read_only=True), plan, nobody, is_interactive=True)
        with pytest.raises(Blocked, match=r"backup-age: 26h old.*Make a backup"):
            await console.start(blocked)
        with pytest.raises(Blocked, match="--approve"):
            await console.start(gated)
        other = hosts.lease("ffff", SystemClock(), holder=OTHER)
        await other.take()
        with pytest.raises(Leased, match="run ffff"):
            await console.start(plan)
        await other.release()
        await hosts.servers["h2"].stop()
        with pytest.raises(Blocked, match="h2: the lease could not be taken"):
            await console.start(plan)
        assert (counts(hosts), console.journal.runs(), hosts.lines()) == ({}, (), {})

    on_hosts(tmp_path, body)


def test_held_here_and_taken_up_on_another_machine(tmp_path, monkeypatch) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        async with await console.start() as session:
            session.runner.recorder.listen(lambda event: session.runner.hold() if event.step == "prove" else None)
            assert (await session.runner.run()).is_open
        assert set(hosts.lines().values()) == {f"1 {session.run_id} left"}
        with pytest.raises(Leased, match="is not finished"):
            await console.start()
        monkeypatch.setattr("ppsconsole.engine.lease.this_process", lambda: OTHER)
        there = Console.on(hosts, tmp_path / "there")
        async with await there.resume() as second:
            assert (second.run_id, second.lease.epoch) == (session.run_id, 2)
            assert (await second.runner.run()).verdict is RunVerdict.SUCCESS
        assert counts(hosts) == dict.fromkeys(STEPS, 1)
        # The first machine sees what happened without it.
        found = await find_run(console.around.inventory, console.around.tools.ssh, console.journal, session.run_id[:4])
        assert (found.is_copy, found.is_open) == (True, False)
        with pytest.raises(UsageError, match="no run is open"):
            await there.resume()
        there.journal.close()

    on_hosts(tmp_path, body)


@pytest.mark.parametrize(
    "dies_after", ["run-started", "step-started prove", "step-finished prove", "step-started promote", "held"]
)
def test_a_console_that_died_is_followed_by_one_elsewhere_with_a_reason(tmp_path, monkeypatch, dies_after: str) -> None:
    class Dead(BaseException):
        pass

    async def body(hosts: Hosts, console: Console) -> None:
        usual = Journal.append

        def dying(journal, *events) -> None:
            usual(journal, *events)
            if any(f"{event.kind} {event.step}".strip() == dies_after for event in events):
                raise Dead

        monkeypatch.setattr(Journal, "append", dying)
        hold = dies_after == "held"
        sessions = []

        async def first() -> None:
            session = await console.start()
            sessions.append(session)
            if hold:
                session.runner.hold()
            await session.runner.run()

        with pytest.raises(Dead):
            await first()
        monkeypatch.setattr(Journal, "append", usual)
        if dies_after == "run-started":
            return  # nobody holds it: it was given back, nothing was done
        monkeypatch.setattr("ppsconsole.engine.lease.this_process", lambda: OTHER)
        there = Console.on(hosts, tmp_path / "there")
        with pytest.raises(Leased, match="holds the lease"):
            await there.resume()
        second = await there.resume("the other machine burns")
        kinds = [event.kind for event in there.journal.events(second.run_id)]
        assert "taken-over" in kinds
        with pytest.raises(LeaseLost):
            await sessions[0].runner._bench.hosts.act("h1", "touch never")
        assert not (hosts.folder / "h1" / "never").exists()
        async with second:
            assert (await second.runner.run()).verdict is RunVerdict.SUCCESS
        assert counts(hosts) == dict.fromkeys(STEPS, 1)
        assert hosts.lines() == {}
        there.journal.close()
        await sessions[0].lease.leave()

    on_hosts(tmp_path, body)


@pytest.mark.parametrize(("dies_at", "is_noted"), [("promote", True), ("stop-web", False)])
def test_a_journal_that_misses_what_another_console_did_meanwhile_is_no_reason_to_go_back(
    tmp_path, monkeypatch, dies_at: str, is_noted: bool
) -> None:
    """One goes on from its own journal, with all that the hosts have; the one in between died before they had more.

    Where no host noted what was begun, as its disk was full, the epochs tell that there was one.
    """

    class Dead(BaseException):
        pass

    async def body(hosts: Hosts, console: Console) -> None:
        usual = Journal.append

        def dying(journal, *events) -> None:
            if any((event.kind, event.step) == ("step-finished", dies_at) for event in events):
                raise Dead
            usual(journal, *events)

        async with await console.start() as session:
            session.runner.hold()
            await session.runner.run()
        there = Console.on(hosts, tmp_path / "there")
        async with await there.resume() as second:
            second.runner.hold()
            await second.runner.run()
        known = len(there.journal.events(session.run_id))
        monkeypatch.setattr(Journal, "append", dying)
        for name in ("SETTLE_S", "FIRST_S"):
            monkeypatch.setattr(f"ppsconsole.engine.copies.{name}", 0.1)
        for server in hosts.servers.values():
            server.hangs_on = "cat >>"  # no news of it reaches a host
        third = await console.resume()
        with pytest.raises(Dead):
            await third.runner.run()
        for server in hosts.servers.values():
            server.hangs_on = ""
        monkeypatch.setattr(Journal, "append", usual)
        monkeypatch.setattr("ppsconsole.engine.lease.this_process", lambda: OTHER)
        assert len(there.journal.events(session.run_id)) == known
        for name in hosts.hosts if not is_noted else ():
            hosts.file(name, f"runs/{session.run_id}/begun").unlink(missing_ok=True)
        async with await there.resume("the other machine burns") as fourth:
            started = fourth.runner.state.of(dies_at)
            assert started.phase == "started", started
            assert (await fourth.runner.run()).verdict is RunVerdict.SUCCESS
        assert counts(hosts) == dict.fromkeys(STEPS, 1)
        there.journal.close()
        await third.lease.leave()

    on_hosts(tmp_path, body)


def test_what_a_host_noted_as_begun_is_known_also_where_it_has_no_copy(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        noted = hosts.file("h1", "runs/aaaa/begun")
        noted.parent.mkdir(parents=True)
        noted.write_text('promote/1 {"was_timeline": 3}\npromote/1\n')
        told = await copies_on_hosts(console.around.inventory, console.around.tools.ssh)
        assert told.begun["aaaa"] == {"promote": {"was_timeline": 3}}
        assert [copy for copy in told.copies if copy.run == "aaaa"] == []

    on_hosts(tmp_path, body)


def test_a_host_that_keeps_no_copy_is_an_issue_and_no_stop(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        async with await console.start() as session:
            await session._copies.flush()
            copy = hosts.file("h1", f"runs/{session.run_id}/events.jsonl")
            copy.unlink()
            copy.mkdir()
            result = await session.runner.run()
        assert result.verdict is RunVerdict.SUCCESS_WITH_ISSUES
        assert [each for each in session.runner.state.issues if "h1 keeps no copy" in each]
        assert counts(hosts) == dict.fromkeys(STEPS, 1)

    on_hosts(tmp_path, body)


def test_a_copy_that_was_cut_or_doubled_is_read_as_far_as_it_goes(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        async with await console.start() as session:
            session.runner.hold()
            await session.runner.run()
        for name in ("h1", "h2"):
            copy = hosts.file(name, f"runs/{session.run_id}/events.jsonl")
            lines = [line for line in copy.read_text().splitlines() if line]
            copy.write_text("\n".join([*lines[:2], lines[2][:20], *lines[1:3], lines[-1][:30]]))
        [found] = (await copies_on_hosts(console.around.inventory, console.around.tools.ssh)).copies
        assert [event.number for event in found.events] == [1, 2, 3]

    on_hosts(tmp_path, body)


def test_a_host_that_hangs_holds_up_no_step(tmp_path, monkeypatch) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        async with await console.start() as session:
            await session._copies.settle()
            monkeypatch.setattr("ppsconsole.engine.copies.SETTLE_S", 3600.0)
            for name in ("copies._ANSWER_S", "lease.ANSWER_S", "lease.OTHERS_ANSWER_S"):
                monkeypatch.setattr(f"ppsconsole.engine.{name}", 8.0)
            hosts.servers["h1"].hangs_on = "events.jsonl"
            async with asyncio.timeout(DEADLINE_S):
                # All steps were done; that a host keeps no copy is told at the end.
                assert (await session.runner.run()).verdict is RunVerdict.SUCCESS_WITH_ISSUES
            monkeypatch.setattr("ppsconsole.engine.copies.SETTLE_S", 0.2)
        copied = hosts.file("h2", f"runs/{session.run_id}/events.jsonl").read_text()
        assert "run-finished" in copied

    on_hosts(tmp_path, body)


def test_a_run_that_is_cut_off_in_a_step_is_left_to_whoever_resumes_it(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        session = await console.start()
        hosts.servers["h2"].hangs_on = "prove"
        running = asyncio.ensure_future(session.runner.run())
        await until(lambda: any("prove" in command and "acted" in command for command in hosts.servers["h2"].commands))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        hosts.servers["h2"].hangs_on = ""
        await session.aclose()
        held = console.journal.events(session.run_id)[-1]
        assert (held.kind, held.data["verdict"]) == ("held", "unknown")
        assert set(hosts.lines().values()) == {f"1 {session.run_id} left"}
        async with await console.resume() as second:
            assert (await second.runner.run()).verdict is RunVerdict.SUCCESS
        assert counts(hosts) == dict.fromkeys(STEPS, 1)

    on_hosts(tmp_path, body)
