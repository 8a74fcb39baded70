"""Acts on real SSH servers: bound to lease, host and instance; detached ones outlive the line and start once."""

import asyncio
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.clock import SystemClock
from ppsconsole.engine import detached
from ppsconsole.engine.guard import Guard
from ppsconsole.engine.stage import LeaseLost, Stage
from ppsconsole.errors import BadAnswer, Blocked, OutputTooLong, TimedOut, Unreachable, WorldMoved
from ppsconsole.inventory.model import Instance
from ppsconsole.plan.plan import Identity
from tests.engine.hosts import Hosts, until
from tests.engine.scripted import scripted_plan
from tests.engine.test_lease import OTHER

pytestmark = pytest.mark.usefixtures("patient")

PG_CONTROLDATA = """#!/bin/sh
echo "pg_control version number:            1300"
echo "Database system identifier:           $(cat "$2/identifier")"
echo "Database cluster state:               in production"
"""


TAKEN_OVER = r"berta@elsewhere pid \d+ took over run aaaa \(epoch 2, .* is 1\), because: it sleeps; nothing was done"


class Bound:
    """A guard with its lease on h1 and h2; db1 on h1 has a data directory and a stand-in for pg_controldata."""

    def __init__(self, hosts: Hosts) -> None:
        self.hosts, self.stage, self.sent = hosts, Stage(), []
        self.stage.enter("step", 1)
        folder = hosts.folder
        self.data = folder / "data dir"
        self.data.mkdir(exist_ok=True)
        (self.data / "identifier").write_text("7123456789")
        program = folder / "pg_controldata"
        program.write_text(PG_CONTROLDATA)
        program.chmod(0o755)
        self.lease = hosts.lease("aaaa", SystemClock(), required=("h1",))
        inventory = hosts.inventory()
        instance = Instance("db1", host="h1", bin_directory=str(folder), data_directory=str(self.data))
        self.inventory = replace(inventory, database=replace(inventory.database, instances={"db1": instance}))
        self.pool = hosts.pool()
        self.identity = Identity("db1", "h1", "", "", "7123456789", str(self.data), "primary", 1)
        self.rebind(self.identity)

    def rebind(self, identity: Identity) -> None:
        plan = replace(scripted_plan(), identities=(identity,))
        arguments = (self.inventory, plan, self.pool, self.lease, SystemClock(), self.stage, self.sent.append)
        self.guard = Guard(*arguments, self.pool.fingerprint)


def bound(tmp_path, body):
    async def main():
        async with Hosts(tmp_path) as hosts:
            await hosts.open("h1", "h2")
            made = Bound(hosts)
            await made.lease.take()
            await body(made)
            await made.lease.release()

    asyncio.run(main())


def touch(tmp_path, name: str) -> str:
    return f"echo x >> {shlex.quote(str(tmp_path / name))}"


def test_an_act_runs_where_everything_is_as_planned(tmp_path) -> None:
    async def body(made: Bound) -> None:
        command = f"cat; echo err >&2; {touch(tmp_path, 'acted')}; exit 3"
        result = await made.guard.act("h1", command, node="db1", stdin="typed\n")
        assert (result.exit_status, result.stdout, result.stderr) == (3, "typed\n", "err\n")
        looked = await made.guard.look("h1", "echo it\\'s")
        assert looked.stdout == "it's\n"
        assert [(sent.kind, sent.host, sent.outcome) for sent in made.sent] == [("act", "h1", "rc 3"), ("look", "h1", "rc 0")]
        assert made.sent[0].command.startswith("cat; echo err")
        assert made.stage.sent == 1

    bound(tmp_path, body)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"hostname": "db-other"}, "hostname: .*, planned was db-other"),
        ({"system_identifier": "999"}, "system identifier: 7123456789, planned was 999"),
        ({"data_directory": "/no/such/directory"}, "data directory: /no/such/directory is not there"),
        ({"host_key": "SHA256:other"}, "the plan was made for SHA256:other"),
    ],
)
def test_an_act_on_something_else_does_nothing(tmp_path, changed, words) -> None:
    async def body(made: Bound) -> None:
        made.rebind(replace(made.identity, **changed))
        for act in (made.guard.act, lambda host, command, **more: made.guard.act_detached(host, "x", command, **more)):
            with pytest.raises(WorldMoved, match=words) as caught:
                await act("h1", touch(tmp_path, "acted"), node="db1")
            assert made.stage.shows_nothing_done(caught.value)
            assert not isinstance(caught.value, LeaseLost)
        assert not (tmp_path / "acted").exists()

    bound(tmp_path, body)


def test_a_system_identifier_that_cannot_be_read_is_not_the_planned_one(tmp_path) -> None:
    async def body(made: Bound) -> None:
        (tmp_path / "pg_controldata").unlink()
        with pytest.raises(WorldMoved, match="cannot be read"):
            await made.guard.act("h1", touch(tmp_path, "acted"), node="db1")
        assert not (tmp_path / "acted").exists()

    bound(tmp_path, body)


def test_a_program_on_the_console_s_machine_is_bound_to_the_lease_on_the_hosts(tmp_path) -> None:
    async def body(made: Bound) -> None:
        program = ("/bin/sh", "-c", touch(tmp_path, "acted"))
        assert (await made.guard.act_here(program)).exit_status == 0
        assert (made.sent[-1].host, made.stage.sent) == ("console", 1)
        with pytest.raises(TimedOut):
            await made.guard.act_here(("sleep", "60"), timeout_s=0.2)
        with pytest.raises(BadAnswer, match="cannot be started"):
            await made.guard.act_here(("/no/such/program",))
        taken = made.hosts.lease("aaaa", SystemClock(), reason="it sleeps", holder=OTHER)
        await taken.take()
        with pytest.raises(LeaseLost):
            await made.guard.act_here(program)
        assert (tmp_path / "acted").read_text() == "x\n"

    bound(tmp_path, body)


def test_a_console_that_slept_through_a_takeover_does_nothing(tmp_path) -> None:
    async def body(made: Bound) -> None:
        await made.guard.act("h1", touch(tmp_path, "acted"))
        taken = made.hosts.lease("aaaa", SystemClock(), reason="it sleeps", holder=OTHER)
        await taken.take()
        with pytest.raises(LeaseLost, match=TAKEN_OVER):
            await made.guard.act("h1", touch(tmp_path, "acted"))
        with pytest.raises(WorldMoved):
            await made.guard.act_detached("h2", "x", touch(tmp_path, "acted"))
        assert (tmp_path / "acted").read_text() == "x\n"
        await taken.release()

    bound(tmp_path, body)


def test_a_host_that_came_back_gets_the_lease_before_something_is_done_there(tmp_path) -> None:
    async def main() -> None:
        async with Hosts(tmp_path) as hosts:
            await hosts.open("h1", "h2")
            made = Bound(hosts)
            await hosts.servers["h2"].stop()
            await made.lease.take()
            with pytest.raises(Unreachable) as caught:
                await made.guard.act("h2", touch(tmp_path, "acted"))
            assert made.stage.shows_nothing_done(caught.value)
            await hosts.servers["h2"].start()
            await made.guard.act("h2", touch(tmp_path, "acted"))
            assert hosts.lines()["h2"] == "1 aaaa held"
            with pytest.raises(Blocked):
                await made.guard.act("nowhere", "true")
            await made.lease.release()

    asyncio.run(main())


def test_a_detached_command_tells_its_output_and_status(tmp_path) -> None:
    async def body(made: Bound) -> None:
        command = f"echo out; echo err >&2; {touch(tmp_path, 'acted')}; exit 5"
        for _ in range(2):  # the second call finds the first one's outcome
            result = await made.guard.act_detached("h1", "promote it", command)
            assert (result.exit_status, result.stdout, result.stderr) == (5, "out\n", "err\n")
        assert (tmp_path / "acted").read_text() == "x\n"
        made.stage.enter("step", 2)
        await made.guard.act_detached("h1", "promote it", command)
        assert (tmp_path / "acted").read_text() == "x\nx\n", "another attempt runs it again"

    bound(tmp_path, body)


def test_a_detached_command_outlives_the_line_and_is_started_once(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(detached, "WAIT_S", 0.2)
    go, acted = tmp_path / "go", tmp_path / "acted"

    async def body(made: Bound) -> None:
        command = f"{touch(tmp_path, 'acted')}; while [ ! -f {go} ]; do sleep 0.02; done; echo end"
        waiting = asyncio.ensure_future(made.guard.act_detached("h1", "long", command, timeout_s=60))
        await until(acted.exists)
        made.hosts.servers["h1"].drop()
        for attempt in (1, 2):  # by another console, and by another try while the first one still runs
            made.stage.enter("step", attempt)
            with pytest.raises(TimedOut):
                await made.guard.act_detached("h1", "long", command, timeout_s=0.3)
        go.touch()
        result = await waiting
        assert (result.exit_status, result.stdout) == (0, "end\n")
        assert acted.read_text() == "x\n", "a new attempt joins the one that still runs"

    bound(tmp_path, body)


def test_many_at_once_start_it_once(tmp_path) -> None:
    async def body(made: Bound) -> None:
        calls = [made.guard.act_detached("h1", "same", touch(tmp_path, "acted")) for _ in range(6)]
        assert {result.exit_status for result in await asyncio.gather(*calls)} == {0}
        assert (tmp_path / "acted").read_text() == "x\n"

    bound(tmp_path, body)


def test_a_detached_command_that_does_not_end_in_time_is_not_called_failed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(detached, "WAIT_S", 0.1)
    go = tmp_path / "go"

    async def body(made: Bound) -> None:
        command = f"while [ ! -f {go} ]; do sleep 0.02; done"
        with pytest.raises(TimedOut, match="may still be running"):
            await made.guard.act_detached("h1", "slow", command, timeout_s=2.0)
        go.touch()
        assert (await made.guard.act_detached("h1", "slow", command)).exit_status == 0

    bound(tmp_path, body)


def test_one_that_was_killed_half_way_is_not_called_anything(tmp_path) -> None:
    async def body(made: Bound) -> None:
        with pytest.raises(BadAnswer, match="without a status"):
            # Its parent waits for it and would write the status: it goes first.
            await made.guard.act_detached("h1", "killed", "kill -9 $PPID; sleep 0.1")
        await until(lambda: not left_of(made, "killed"))

    bound(tmp_path, body)


def left_of(made: Bound, name: str) -> list[str]:
    """Return what still runs for a detached command on h1: its runner, and what keeps its output from growing."""
    place, found = f"/runs/aaaa/{name}.1", []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode("utf-8", "replace")
        except OSError:  # it has ended meanwhile
            continue
        if str(made.hosts.folder) in words and words.rstrip("\0").endswith(place):
            found.append(words)
    return found


def test_a_detached_command_that_prints_without_end_fills_no_disk_and_is_not_ended_by_that(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(detached, "_LIMIT_BYTES", 4000)
    monkeypatch.setattr(detached, "_FILE_BYTES", 20_000)
    monkeypatch.setattr(detached, "_TRIM_S", 0.05)
    go, acted = tmp_path / "go", tmp_path / "acted"

    async def body(made: Bound) -> None:
        command = (
            f"while [ ! -f {go} ]; do echo line; echo noise >&2; done; {touch(tmp_path, 'acted')}; echo end; echo why >&2; exit 3"
        )
        waiting = asyncio.ensure_future(made.guard.act_detached("h1", "prints", command, timeout_s=180.0))
        place = made.hosts.file("h1", "runs/aaaa/prints.1")
        await until(lambda: (place / "out.end").exists() and (place / "err.end").exists())
        assert left_of(made, "prints"), "this is what is looked for afterwards"
        go.touch()
        result = await waiting
        assert (result.exit_status, result.stdout[-9:], result.stderr[-10:]) == (3, "line\nend\n", "noise\nwhy\n")
        assert max(len(result.stdout), len(result.stderr)) <= 4000
        assert acted.read_text() == "x\n"
        assert {each.name: each.stat().st_size <= 20_000 for each in place.iterdir()} == dict.fromkeys(
            ("started", "status", "out", "err", "out.end", "err.end"), True
        )
        await until(lambda: not left_of(made, "prints"))

    bound(tmp_path, body)


def test_an_act_that_prints_too_much_is_told_as_that_and_not_called_failed(tmp_path) -> None:
    async def body(made: Bound) -> None:
        with pytest.raises(OutputTooLong, match="printed more than 1048576 bytes") as caught:
            await made.guard.act("h1", f"{touch(tmp_path, 'acted')}; head -c 3000000 /dev/zero", node="db1")
        assert "the command itself" in caught.value.remedy
        assert not made.stage.shows_nothing_done(caught.value)
        assert (made.stage.sent, made.sent[-1].outcome) == (1, "output-too-long")
        result = await made.guard.act_detached(
            "h1", "much", f"{touch(tmp_path, 'acted')}; head -c 3000000 /dev/zero | tr '\\0' x"
        )
        assert (result.exit_status, set(result.stdout)) == (0, {"x"})
        assert (tmp_path / "acted").read_text() == "x\nx\n"

    bound(tmp_path, body)


class Database:
    """A stand-in for the driver: gives a system identifier, and keeps what was sent."""

    def __init__(self, identifier: str) -> None:
        self.identifier, self.sent = identifier, []

    async def execute(self, instance, sql, *, timeout_s):
        if "system_identifier" in sql:
            return [(self.identifier,)]
        self.sent.append((instance.name, sql))
        return [(1,), (2,)]


def test_a_statement_is_sent_where_everything_is_as_planned_and_told_of(tmp_path) -> None:
    async def body(made: Bound) -> None:
        made.guard._postgres = database = Database("7123456789")
        assert await made.guard.act_sql("db1", "CHECKPOINT") == [(1,), (2,)]
        assert database.sent == [("db1", "CHECKPOINT")]
        told = made.sent[-1]
        assert (told.kind, told.host, told.command, told.outcome) == ("sql", "db1", "CHECKPOINT", "2 rows")
        assert made.stage.sent == 1
        assert made.hosts.file("h1", "runs/aaaa/begun").read_text() == "step/1\n"

    bound(tmp_path, body)


def test_no_statement_is_sent_after_a_takeover_or_to_another_system(tmp_path) -> None:
    async def body(made: Bound) -> None:
        made.guard._postgres = other = Database("999")
        with pytest.raises(WorldMoved, match="system identifier: 999, planned was 7123456789; nothing was done") as caught:
            await made.guard.act_sql("db1", "CHECKPOINT")
        assert made.stage.shows_nothing_done(caught.value)
        made.guard._postgres = same = Database("7123456789")
        taken = made.hosts.lease("aaaa", SystemClock(), reason="it sleeps", holder=OTHER)
        await taken.take()
        with pytest.raises(LeaseLost, match=TAKEN_OVER):
            await made.guard.act_sql("db1", "CHECKPOINT")
        assert (other.sent, same.sent, made.stage.sent) == ([], [], 0)
        await taken.release()

    bound(tmp_path, body)
