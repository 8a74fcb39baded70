"""The monitor: one timer for each target, a dead target delays nobody, time is held by the test."""

import asyncio
from dataclasses import dataclass, field

from ppsconsole.clock import HeldClock, SystemClock
from ppsconsole.cluster.catalog import FACTS
from ppsconsole.cluster.facts import Fact, node_subject
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.probes import (
    alternate,
    backups,
    base,
    connection,
    control,
    host,
    keys,
    login,
    managers,
    members,
    per_host,
    postgres,
    quarantine,
    rights,
    service,
    web,
)
from ppsconsole.probes.monitor import Monitor
from tests.unit.observations import NOW, facts, inventory, observe


@dataclass
class Scripted:
    """A probe that plays what it is given."""

    target: str
    reads: list
    every_s: float = 0.02
    count: int = 0
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> tuple[Fact, ...]:
        step = self.reads[min(self.count, len(self.reads) - 1)]
        self.count += 1
        self.seen.set()
        if isinstance(step, Exception):
            raise step
        if step == "hang":
            await asyncio.Event().wait()
        return tuple(step)


def test_probes_report_only_facts_of_the_catalog() -> None:
    names = {*postgres.NAMES, *service.NAMES, *control.NAMES, *connection.NAMES, *members.NAMES, *web.NAMES}
    names |= {name for part in host.system_parts(inventory().hosts["db1"], 30) for name in part.names}
    names |= {*backups.NAMES, *login.NAMES, *managers.NAMES, *keys.NAMES, *service.PRODUCT_NAMES, *quarantine.NAMES}
    names |= {*rights.NAMES, *per_host.NAMES}
    names |= {*alternate.NAMES, *alternate.SERVICE_NAMES, *postgres.COPY_NAMES}
    assert names | {"sql", "tcp", "served_by", "ssh", "host_key", "login", "backup_key", "servers_running"} == set(FACTS)


def test_once_gives_up_at_the_deadline_and_keeps_what_answered() -> None:
    healthy = tuple(observe(facts(SystemClock().now()), SystemClock().now()))
    probes = (Scripted("good", [healthy]), Scripted("silent", ["hang"]))
    monitor = Monitor(inventory(), make_probes=lambda _: probes)
    picture = asyncio.run(monitor.once(1.0))
    assert picture.snapshot.verdict is Verdict.OK
    assert not picture.snapshot.is_complete


def test_a_probe_that_breaks_is_an_event_and_the_others_go_on() -> None:
    async def story() -> None:
        good = Scripted("good", [tuple(observe(facts(SystemClock().now()), SystemClock().now()))])
        broken = Scripted("broken", [RuntimeError("boom password=hunter2")])
        monitor = Monitor(inventory(), make_probes=lambda _: (good, broken))
        running = asyncio.create_task(monitor.run())
        async with asyncio.timeout(90):
            async for picture in monitor.pictures():
                if broken.count > 2 and good.count > 2 and picture.snapshot.is_complete:
                    break
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        said = " ".join(event.words for event in picture.events)
        assert "looking at broken failed: RuntimeError" in said
        assert "hunter2" not in said
        assert picture.snapshot.verdict is Verdict.OK

    asyncio.run(story())


def test_a_change_becomes_an_event_with_its_reason() -> None:
    async def story() -> None:
        now = SystemClock().now()
        fine = tuple(observe(facts(now), now))
        down = (
            Fact(node_subject("pps1"), "service", "failed", "test", now, 60.0),
            Fact(node_subject("pps1"), "tcp", "refused", "test", now, 60.0),
            Fact(node_subject("pps1"), "http", None, "test", now, 60.0),
        )
        probe = Scripted("pps1", [fine])
        monitor = Monitor(inventory(), make_probes=lambda _: (probe,))
        running = asyncio.create_task(monitor.run())
        async with asyncio.timeout(90):
            async for picture in monitor.pictures():
                if picture.snapshot.is_complete:
                    probe.reads = [down]
                if any(event.subject == "pps1" for event in picture.events):
                    break
                monitor.nudge()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        event = next(event for event in picture.events if event.subject == "pps1")
        assert "ok (ok) → down (CRASHED): its process is gone" in event.words

    asyncio.run(story())


def test_the_first_picture_comes_before_anything_was_looked_at() -> None:
    async def first():
        async for picture in Monitor(inventory(), HeldClock(NOW), make_probes=lambda _: ()).pictures():
            return picture
        raise AssertionError("no picture")

    picture = asyncio.run(first())
    assert not picture.snapshot.is_complete
    assert {node.verdict for node in picture.snapshot.nodes} == {Verdict.UNKNOWN}


def test_host_output_is_split_by_its_marks_and_a_cut_part_is_left_out() -> None:
    text = "motd noise\n@@ppsconsole a\none\ntwo\n\n@@ppsconsole-end 0\n@@ppsconsole b\nhalf"
    found = host.split_output(base_result(text))
    assert set(found) == {"a"}
    assert (found["a"].exit_status, found["a"].stdout) == (0, "one\ntwo")


def test_the_composed_command_runs_in_a_real_shell() -> None:
    import subprocess

    parts = [*host.system_parts(inventory().hosts["db1"], 30), host.Part("fails", "node:x", ("service",), "exit 3", 1, dict)]
    done = subprocess.run(["/bin/sh", "-c", host.compose_command(parts)], capture_output=True, text=True, timeout=90, check=True)
    found = host.split_output(base_result(done.stdout))
    assert found["fails"].exit_status == 3
    values = host.parse_system(found["system"])
    assert values["disk_free_bytes"] > 0
    assert abs(float(str(values["clock_at"])) - SystemClock().now()) < 60


def base_result(text: str):
    from ppsconsole.drivers.base import CommandResult

    return CommandResult(0, text, "", 0.1)


def test_a_stamp_believes_facts_for_some_intervals_and_the_time_of_a_look() -> None:
    made = base.stamp(HeldClock(NOW), "node:db1", "test", 2.0, 3.0, 4.0)
    fact = made.fact("lsn", "0/1")
    assert not fact.is_stale(NOW + 9.9)
    assert fact.is_stale(NOW + 10.1)
