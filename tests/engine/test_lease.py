"""The lease, on real SSH servers: one holder at a time, whoever is dead, wherever a host is away."""

import asyncio
import subprocess
from dataclasses import replace

import pytest

from ppsconsole.clock import SystemClock
from ppsconsole.engine.copies import Copies
from ppsconsole.engine.holder import life_of, this_process
from ppsconsole.engine.lease import LOST, lease_hosts
from ppsconsole.engine.lease_script import folder_of
from ppsconsole.engine.stage import LeaseLost
from ppsconsole.errors import Blocked, Leased
from ppsconsole.inventory.model import Host
from ppsconsole.plan.event import RunEvent
from tests.engine.hosts import Hosts, until
from tests.engine.scripted import scripted_plan

pytestmark = pytest.mark.usefixtures("patient")

OTHER = replace(this_process(), user="berta", machine="elsewhere", machine_id="other", boot_id="another")


def ended_process():
    """A holder on this machine whose process has ended."""
    child = subprocess.Popen(["true"])
    child.wait()
    return replace(this_process(), pid=child.pid, started="1")


def is_lost(lease) -> bool:
    try:
        lease.check()
    except LeaseLost:
        return True
    return False


def on_hosts(tmp_path, body, *names: str):
    async def main():
        async with Hosts(tmp_path) as hosts:
            await hosts.open(*(names or ("h1", "h2")))
            await body(hosts)

    asyncio.run(main())


def test_one_run_at_a_time(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        ours = hosts.lease("aaaa", SystemClock(), holder=OTHER)
        await ours.take()
        assert hosts.lines() == {"h1": "1 aaaa held", "h2": "1 aaaa held"}
        assert hosts.file("h1", "lease").stat().st_mode & 0o077 == 0
        theirs = hosts.lease("bbbb", SystemClock())
        with pytest.raises(
            Leased, match=r"run aaaa \(switchover\) holds the lease since .*berta@elsewhere pid \d+, last sign of life"
        ):
            await theirs.take()
        assert hosts.lines() == {"h1": "1 aaaa held", "h2": "1 aaaa held"}
        assert await ours.release() == ()
        assert hosts.lines() == {}
        await theirs.take()
        assert theirs.epoch == 2, "epochs go on counting after a release"
        await theirs.release()

    on_hosts(tmp_path, body)


def test_of_many_at_the_same_moment_at_most_one_gets_it(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        leases = [hosts.lease(f"run{n}", SystemClock()) for n in range(6)]
        results = await asyncio.gather(*(lease.take() for lease in leases), return_exceptions=True)
        winners = [lease for lease, result in zip(leases, results, strict=True) if result is None]
        assert len(winners) <= 1
        assert all(result is None or isinstance(result, Leased) for result in results), results
        held = set(hosts.lines().values())
        assert held == {lease.line for lease in winners}
        for lease in winners:
            await lease.release()

    on_hosts(tmp_path, body)


def test_a_dead_holder_on_this_machine_is_recognised(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        dead = hosts.lease("aaaa", SystemClock(), holder=ended_process())
        await dead.take()
        again = hosts.lease("aaaa", SystemClock())
        await again.take()
        assert (again.epoch, hosts.lines()["h1"]) == (2, "2 aaaa held")
        assert "is dead" in again.previous or "holds" in again.previous
        await again.leave()
        assert set(hosts.lines().values()) == {"2 aaaa left"}

    on_hosts(tmp_path, body)


def test_another_run_may_follow_a_dead_one_only_if_that_did_nothing(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        await hosts.lease("aaaa", SystemClock(), holder=ended_process()).take()
        journal = hosts.file("h2", "runs/aaaa/events.jsonl")
        journal.parent.mkdir(parents=True)
        journal.write_text('{"kind": "step-started"}\n')
        with pytest.raises(Leased, match=r"run aaaa .* is not finished; its console, .*, is dead"):
            await hosts.lease("bbbb", SystemClock()).take()
        journal.write_text('{"kind": "run-started"}\n')
        follower = hosts.lease("bbbb", SystemClock())
        await follower.take()
        await follower.release()

    on_hosts(tmp_path, body)


def test_a_run_that_was_left_is_taken_up_by_anybody_and_replaced_by_nobody(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        first = hosts.lease("aaaa", SystemClock(), holder=OTHER)
        await first.take()
        await first.leave()
        with pytest.raises(Leased, match=r"run aaaa .* is not finished; berta@elsewhere .* left it"):
            await hosts.lease("bbbb", SystemClock()).take()
        second = hosts.lease("aaaa", SystemClock())
        await second.take()
        assert second.epoch == 2
        await second.release()

    on_hosts(tmp_path, body)


def test_from_another_machine_it_takes_a_reason_and_the_first_holder_notices(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("ppsconsole.engine.lease.HEARTBEAT_S", 0.05)

    async def body(hosts: Hosts) -> None:
        first = hosts.lease("aaaa", SystemClock(), holder=OTHER)
        await first.take()
        with pytest.raises(Leased, match="holds the lease"):
            await hosts.lease("aaaa", SystemClock()).take()
        second = hosts.lease("aaaa", SystemClock(), reason="her laptop burns")
        await second.take()
        assert set(hosts.lines().values()) == {"2 aaaa held"}
        await until(lambda: is_lost(first))
        assert set(await first.release()) == {"h1", "h2"}, "the first one gives back nothing that is not its own"
        assert set(hosts.lines().values()) == {"2 aaaa held"}
        await second.release()

    on_hosts(tmp_path, body)


def test_a_copy_that_hears_first_that_the_lease_is_lost_tells_who_took_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("ppsconsole.engine.lease.HEARTBEAT_S", 3600.0)

    async def body(hosts: Hosts) -> None:
        first = hosts.lease("aaaa", SystemClock(), holder=OTHER)
        await first.take()
        issues: list[str] = []
        copies = Copies(scripted_plan(), first, hosts.pool(), issues.append, [RunEvent("aaaa", 1, 1.0, "run-started")])
        second = hosts.lease("aaaa", SystemClock(), reason="her laptop burns")
        await second.take()
        await copies.flush()
        with pytest.raises(LeaseLost, match=r"took over run aaaa \(epoch 2, this console's is 1\), because: her laptop burns"):
            first.check()
        assert len(issues) == 2, issues
        assert all(LOST in each for each in issues), issues
        assert not list(hosts.folder.glob("*/.ppsconsole/*/runs/aaaa/events.jsonl")), "nothing is written under a lost lease"
        await copies.aclose()
        await second.release()

    on_hosts(tmp_path, body)


def test_the_first_act_waits_until_the_required_host_knows_who_took_the_run(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("ppsconsole.engine.copies.REQUIRED_GATHER_S", 3600.0)

    async def body(hosts: Hosts) -> None:
        lease = hosts.lease("aaaa", SystemClock())
        await lease.take()
        copies = Copies(scripted_plan(), lease, hosts.pool(), pytest.fail)
        copies.add(RunEvent("aaaa", 1, 1.0, "resumed"))
        there = hosts.file("h2", "runs/aaaa/events.jsonl")
        await until(lambda: there.exists() and "resumed" in there.read_text())
        copies.add(RunEvent("aaaa", 2, 2.0, "lease-taken"))
        await copies.settle()
        assert "lease-taken" in there.read_text()
        copies.add(RunEvent("aaaa", 3, 3.0, "step-started"))
        await copies.settle()
        assert "step-started" not in there.read_text(), "an act waits for no news of itself"
        await copies.settle(is_whole=True)
        assert "step-started" in there.read_text()
        await copies.aclose()
        await lease.release()

    on_hosts(tmp_path, body)


def test_hosts_that_are_away_are_named_and_the_required_one_must_be_there(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        await hosts.servers["h1"].stop()
        lease = hosts.lease("aaaa", SystemClock())
        await lease.take()
        assert list(lease.unreachable) == ["h1"]
        assert hosts.lines() == {"h2": "1 aaaa held"}
        await hosts.servers["h1"].start()
        host = hosts.hosts["h1"]
        await lease.extend(replace(host, ssh=replace(host.ssh, port=hosts.servers["h1"].port)))
        assert hosts.lines()["h1"] == "1 aaaa held"
        await lease.release()
        await hosts.servers["h2"].stop()
        with pytest.raises(Blocked, match=r"h2.*it is needed here"):
            await hosts.lease("bbbb", SystemClock()).take()
        assert hosts.lines() == {}

    on_hosts(tmp_path, body)


def test_a_host_that_missed_the_end_of_a_run_does_not_block_the_next(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        lease = hosts.lease("aaaa", SystemClock(), holder=OTHER)
        await lease.take()
        stale = hosts.file("h1", "lease").read_text()
        await lease.release()
        hosts.file("h1", "lease").write_text(stale)
        with pytest.raises(Leased):
            await hosts.lease("bbbb", SystemClock()).take()
        journal = hosts.file("h2", "runs/aaaa/events.jsonl")
        journal.parent.mkdir(parents=True)
        journal.write_text('{"kind": "run-finished"}\n')
        following = hosts.lease("bbbb", SystemClock())
        await following.take()
        assert set(hosts.lines().values()) == {"2 bbbb held"}
        await following.release()

    on_hosts(tmp_path, body)


def test_a_lease_that_cannot_be_read_is_somebodys(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        hosts.file("h2", "lease").parent.mkdir(parents=True)
        hosts.file("h2", "lease").write_text("\x1b[2Jgarbage\n")
        with pytest.raises(Leased, match="cannot be read") as caught:
            await hosts.lease("aaaa", SystemClock()).take()
        assert "\x1b" not in str(caught.value)

    on_hosts(tmp_path, body)


def test_a_home_that_cannot_be_written_is_named(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        (tmp_path / "h2" / ".ppsconsole").write_text("a file in the way")
        with pytest.raises(Blocked, match=r"h2: .*cannot be written"):
            await hosts.lease("aaaa", SystemClock()).take()
        assert hosts.lines() == {}

    on_hosts(tmp_path, body)


def test_the_life_of_a_holder_is_only_judged_where_it_can_be_seen() -> None:
    here = replace(this_process(), machine_id="m")
    assert life_of(here, here) == "this"
    assert life_of(ended_process(), here) == "dead"
    assert life_of(replace(here, user="another name"), here) == "alive"
    assert life_of(OTHER, here) == "unknown"
    assert life_of(replace(here, started="1"), here) == "dead"
    assert life_of(replace(here, boot_id="earlier"), here) == "dead"
    assert life_of(replace(here, boot_id="earlier", machine_id=""), replace(here, machine_id="")) == "unknown"
    assert life_of(replace(here, started="1", namespace="container"), here) == "unknown"
    assert life_of(replace(here, started="1", boot_id=""), here) == "unknown"


@pytest.mark.parametrize(
    ("cluster", "root", "folder"),
    [
        ("lab", "~/.ppsconsole", '"$HOME"/.ppsconsole/lab'),
        ("a b/c", "~/.ppsconsole", '"$HOME"/.ppsconsole/a%20b%2Fc'),
        ("..", "/srv/x y", "'/srv/x y/%2E.'"),
        ("lab'; rm -rf ~", "~", '"$HOME"/lab%27%3B%20rm%20-rf%20%7E'),
    ],
)
def test_no_cluster_name_leaves_its_folder(cluster, root, folder) -> None:
    assert folder_of(cluster, root) == folder


def test_bastions_and_windows_hosts_carry_no_lease(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        inventory = hosts.inventory()
        more = {
            "gate": Host("gate", "A", "x"),
            "win": Host("win", "A", "x", "windows"),
            "far": Host("far", "A", "x", via=("gate",)),
        }
        inventory = replace(inventory, hosts={**inventory.hosts, **more})
        assert [host.name for host in lease_hosts(inventory)] == ["h1", "h2", "far"]

    on_hosts(tmp_path, body)
