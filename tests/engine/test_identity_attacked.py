"""Hosts that are not who they were, on real SSH servers: other keys, swapped addresses, data directories that are copies."""

import asyncio
import shutil
from dataclasses import replace

import pytest

from ppsconsole.clock import SystemClock
from ppsconsole.engine import guard as guards
from ppsconsole.engine.binding import planned_keys
from ppsconsole.engine.stage import LeaseLost
from ppsconsole.errors import HostKeyRefused, TimedOut, WorldMoved
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Identity
from tests.engine.hosts import Hosts
from tests.engine.test_guard import TAKEN_OVER, Bound, Database, bound, touch
from tests.engine.test_lease import OTHER
from tests.engine.test_session import Console, Touch, counts, hostless, touching_plan

pytestmark = pytest.mark.usefixtures("patient")


async def answer_as(hosts: Hosts, name: str, other: str) -> None:
    """Have the address of `name` answer as the machine of `other`; known_hosts accepts either key at either address."""
    known = hosts.known_hosts.read_text()
    for server in hosts.servers.values():
        for each in hosts.servers.values():
            known += server.known(each.host_key)
    hosts.known_hosts.write_text(known)
    server = hosts.servers[name]
    server.drop()
    await server.stop()
    server.host_key, server.home = hosts.servers[other].host_key, hosts.servers[other].home
    await server.start()


def keyed(made: Bound) -> None:
    """Have the plan know h1 by the key that it proves now, and let no other be logged in to, as a run does."""
    made.rebind(replace(made.identity, host_key=made.pool.fingerprint("h1")))
    made.pool.pin(planned_keys(made.guard._plan))


def test_an_address_that_answers_as_another_machine_is_not_even_logged_in_to(tmp_path) -> None:
    async def body(made: Bound) -> None:
        await made.pool.run(made.hosts.hosts["h1"], "true")
        keyed(made)
        await made.guard.act("h1", touch(tmp_path, "acted"), node="db1")
        await answer_as(made.hosts, "h1", "h2")
        made.stage.enter("step", 2)
        before = len(made.hosts.servers["h1"].commands)
        for act in (made.guard.act, lambda host, command, **more: made.guard.act_detached(host, "x", command, **more)):
            with pytest.raises(
                HostKeyRefused, match=r"CHANGED host key: it proves the key SHA256:.* was planned for SHA256:"
            ) as caught:
                await act("h1", touch(tmp_path, "acted"), node="db1")
            assert made.stage.shows_nothing_done(caught.value)
            assert "installed anew" in caught.value.remedy
        with pytest.raises(HostKeyRefused):
            await made.guard.arm("h1", touch(tmp_path, "acted"), node="db1")
        assert len(made.hosts.servers["h1"].commands) == before, "nothing at all was sent to it"
        assert (tmp_path / "acted").read_text() == "x\n"

    bound(tmp_path, body)


def test_a_machine_with_a_copied_key_is_known_by_its_name(tmp_path) -> None:
    """Machines that were cloned share their host keys."""

    async def body(made: Bound) -> None:
        for name in ("h1", "h2"):
            program = tmp_path / name / "bin" / "uname"
            program.parent.mkdir()
            program.write_text(f"#!/bin/sh\necho {name}\n")
            program.chmod(0o755)
            made.hosts.servers[name].path = f"{program.parent}:"
        made.rebind(replace(made.identity, hostname="h1"))
        await made.guard.act("h1", touch(tmp_path, "acted"), node="db1")
        made.hosts.servers["h1"].path = made.hosts.servers["h2"].path
        with pytest.raises(WorldMoved, match="hostname: h2, planned was h1; nothing was done"):
            await made.guard.act("h1", touch(tmp_path, "acted"), node="db1")
        assert (tmp_path / "acted").read_text() == "x\n"

    bound(tmp_path, body)


@pytest.mark.parametrize("kind", ["copy", "link", "same"])
def test_a_declared_data_directory_may_be_a_link_to_the_servers_own_and_no_copy_of_it(tmp_path, kind) -> None:
    async def body(made: Bound) -> None:
        declared = tmp_path / "declared dir"
        if kind == "copy":
            shutil.copytree(made.data, declared)
        elif kind == "link":
            declared.symlink_to(made.data)
        else:
            declared = made.data
        instance = replace(made.inventory.database.instances["db1"], data_directory=str(declared))
        made.inventory = replace(made.inventory, database=replace(made.inventory.database, instances={"db1": instance}))
        made.rebind(made.identity)
        if kind != "copy":
            await made.guard.act("h1", touch(tmp_path, "acted"), node="db1")
            assert (tmp_path / "acted").exists()
            return
        made.guard._postgres = database = Database("7123456789")
        words = "data directory: .*declared dir is declared, and the server works in .*data dir; nothing was done"
        for act in (made.guard.act("h1", touch(tmp_path, "acted"), node="db1"), made.guard.act_sql("db1", "CHECKPOINT")):
            with pytest.raises(WorldMoved, match=words):
                await act
        assert not (tmp_path / "acted").exists()
        assert database.sent == []

    bound(tmp_path, body)


def test_a_run_stops_at_a_host_that_changed_its_key_and_lets_go_of_that_when_it_ends(tmp_path) -> None:
    """Between two steps h2 is replaced; the run was planned for its old key, and known_hosts has the new one by then."""

    async def main() -> None:
        async with Hosts(tmp_path) as hosts:
            await hosts.open("h1", "h2", "h3")
            console = Console.on(hosts, tmp_path / "here")
            ssh = console.around.tools.ssh
            for host in hosts.hosts.values():
                await ssh.run(host, "true", timeout_s=30)
            keys = [Identity(f"db{name[1:]}", name, ssh.fingerprint(name), "", "", "", "standby", 1) for name in hosts.hosts]
            plan = replace(hostless(touching_plan()), identities=tuple(keys))

            class Replacing(Touch):
                async def verify(self, bench, step):
                    found = await super().verify(bench, step)
                    if step.id == "stop-primary" and hosts.servers["h2"].home.name == "h2":
                        await answer_as(hosts, "h2", "h3")
                    return found

            here = replace(console, around=replace(console.around, actions={"touch": Replacing()}))
            async with await here.start(plan) as session:
                result = await session.runner.run()
            assert result.verdict is RunVerdict.ROLLED_BACK
            assert "CHANGED host key" in result.words
            assert counts(hosts) == {"stop-web": 1, "stop-primary": 1}, "nothing was done on the machine in its place"
            await ssh.run(hosts.hosts["h2"], "true", timeout_s=30)
            console.journal.close()

    asyncio.run(main())


def test_a_console_that_sleeps_between_its_look_and_a_statement_looks_again(tmp_path) -> None:
    """What a statement rests on cannot be re-read in the same remote command: it counts for a few seconds only."""

    class Sleeping(SystemClock):
        slept_s = 0.0

        def now(self) -> float:
            return super().now() + self.slept_s

    async def body(made: Bound) -> None:
        clock, taken = Sleeping(), made.hosts.lease("aaaa", SystemClock(), reason="it sleeps", holder=OTHER)

        class Slow(Database):
            async def execute(self, instance, sql, *, timeout_s):
                if "system_identifier" in sql and not clock.slept_s:
                    clock.slept_s = 3600.0  # the lid is closed: meanwhile somebody else takes over
                    await taken.take()
                return await super().execute(instance, sql, timeout_s=timeout_s)

        made.guard._clock, made.guard._postgres = clock, Slow("7123456789")
        with pytest.raises(LeaseLost, match=TAKEN_OVER):
            await made.guard.act_sql("db1", "CHECKPOINT")
        assert made.guard._postgres.sent == []
        await taken.release()

    bound(tmp_path, body)


def test_a_statement_whose_looks_never_come_in_time_is_not_sent(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(guards, "LOOK_COUNTS_S", 0.0)

    async def body(made: Bound) -> None:
        made.guard._postgres = database = Database("7123456789")
        with pytest.raises(TimedOut, match="the statement was not sent") as caught:
            await made.guard.act_sql("db1", "CHECKPOINT")
        assert made.stage.shows_nothing_done(caught.value)
        assert database.sent == []

    bound(tmp_path, body)
