"""The lease under attack, on real SSH servers: torn files, full disks, wrong clocks, hosts that come back, consoles at once."""

import asyncio
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.clock import SystemClock
from ppsconsole.engine import lease_script
from ppsconsole.engine.stage import LeaseLost
from ppsconsole.errors import Blocked, Leased
from tests.engine.hosts import Hosts, until
from tests.engine.test_lease import OTHER, ended_process, is_lost, on_hosts
from tests.engine.test_session import Console

pytestmark = pytest.mark.usefixtures("patient")


def put(hosts: Hosts, host: str, text: bytes, name: str = "lease") -> Path:
    path = hosts.file(host, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return path


async def back(hosts: Hosts, name: str) -> None:
    """Have a host that was away answer again, where it answered before."""
    await hosts.servers[name].start()


# --- files that a host without power, or a full one, leaves behind --------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "it is empty"),
        (b"7 aa", "it begins with '7 aa'"),
        (b"7 aaaa hel", "it begins with '7 aaaa hel'"),
        (b"\x00\x00\x00\x00", "cannot be read"),
        (b"\xff\x1b[2J\nlease\nmore\n", "cannot be read"),
        (b'{"holder": 1}\n', "it begins with"),
    ],
)
@pytest.mark.parametrize("host", ["h1", "h2"])
def test_a_torn_lease_is_somebodys_wherever_it_lies_and_a_reason_replaces_it(tmp_path, host, text, words) -> None:
    async def body(hosts: Hosts) -> None:
        torn = put(hosts, host, text)
        with pytest.raises(Leased, match=words) as caught:
            await hosts.lease("aaaa", SystemClock()).take()
        assert caught.value.where == host
        assert caught.value.exit_code == 7
        assert "lost its power" in caught.value.remedy
        assert "--reason" in caught.value.remedy
        assert "\x1b" not in str(caught.value)
        assert torn.read_bytes() == text, "what cannot be read is left as it is"
        other = {"h1": "h2", "h2": "h1"}[host]
        assert not hosts.file(other, "lease").exists()
        lease = hosts.lease("aaaa", SystemClock(), reason="nobody else is here")
        await lease.take()
        assert set(hosts.lines().values()) == {"1 aaaa held"}
        assert "cannot be read" in lease.previous
        assert await lease.release() == ()

    on_hosts(tmp_path, body)


def test_a_lease_that_changed_meanwhile_is_not_the_torn_one_that_was_seen(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        put(hosts, "h2", b"tor")
        lease = hosts.lease("aaaa", SystemClock(), reason="it is torn")
        seen, _ = await lease._look([hosts.hosts["h2"]])
        put(hosts, "h2", b"9 bbbb held\n{}\n")
        cleared = await lease._run(hosts.hosts["h2"], lease_script.clear_script(lease.folder, seen["h2"].checksum))
        assert cleared.exit_status == lease_script.NOT_OURS
        assert hosts.lines()["h2"] == "9 bbbb held"

    on_hosts(tmp_path, body)


def test_a_folder_in_the_place_of_the_lease_is_left_to_a_person(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        hosts.file("h2", "lease").mkdir(parents=True)
        for reason in ("", "really"):
            with pytest.raises(Leased, match="cannot be read") as caught:
                await hosts.lease("aaaa", SystemClock(), reason=reason).take()
            assert "by hand" in caught.value.remedy, str(caught.value)
        assert hosts.file("h2", "lease").is_dir()

    on_hosts(tmp_path, body)


@pytest.mark.parametrize("text", [b"", b"garbage\n", b"-3\n", b"\x00\x00"])
def test_a_torn_epoch_starts_anew_and_never_below_what_the_run_was_held_under(tmp_path, text) -> None:
    async def body(hosts: Hosts) -> None:
        put(hosts, "h2", text, "epoch")
        put(hosts, "h1", b"4\n", "epoch")
        first = hosts.lease("aaaa", SystemClock())
        await first.take()
        assert first.epoch == 5
        await first.release()
        for name in ("h1", "h2"):
            put(hosts, name, text, "epoch")
        again = hosts.lease("aaaa", SystemClock())
        again.claim = replace(again.claim, epoch_before=5)
        await again.take()
        assert set(hosts.lines().values()) == {"6 aaaa held"}, "a console that slept with epoch 5 finds another line"
        await again.release()

    on_hosts(tmp_path, body)


def test_a_run_that_is_taken_up_again_remembers_its_epoch_where_the_hosts_forgot(tmp_path) -> None:
    async def main() -> None:
        async with Hosts(tmp_path) as hosts:
            await hosts.open("h1", "h2")
            console = Console.on(hosts, tmp_path / "here")
            async with await console.start() as session:
                session.runner.hold()
                await session.runner.run()
            for name in ("h1", "h2"):
                for gone in ("epoch", "lease"):
                    hosts.file(name, gone).unlink()
            async with await console.resume() as second:
                assert second.lease.epoch == 2
            console.journal.close()

    asyncio.run(main())


def test_half_of_a_text_never_becomes_the_lease(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        lease = hosts.lease("aaaa", SystemClock())
        for text in ("", "1 aa", "1 aaaa held\n", '1 aaaa held\n{"holder": {', '2 aaaa held\n{"holder": {}}\n'):
            done = await lease._run(hosts.hosts["h2"], lease_script.take_script(lease.folder, 1, ""), text)
            assert done.exit_status == lease_script.CANNOT_WRITE, text
            assert "only a part" in done.stderr
        assert not list(hosts.file("h2", "lease").parent.iterdir()), "nothing is left behind"

    on_hosts(tmp_path, body)


def test_a_full_disk_is_named_and_keeps_no_lease_that_nobody_knows_of(tmp_path, root) -> None:
    unshare = shutil.which("unshare")
    if subprocess.run([unshare or "false", "-rm", "true"], capture_output=True).returncode != 0:
        pytest.skip("needs mount namespaces")
    command = [unshare, "-rm", sys.executable, "-m", "tests.engine.full_home", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=180)
    assert ended.returncode == 0, ended.stderr
    refused, left, not_left = ended.stdout.splitlines()
    assert refused.startswith("h2: the lease could not be taken, and it is needed here: the lease cannot be written there: ")
    assert "No space left on device" in refused
    assert "has room" in refused
    assert left == "['epoch']"
    assert not_left == "('h2',)"


# --- clocks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("off_s", "words"), [(86_400, "the clock of that host was put back since"), (-86_400, "last sign of life 24h")]
)
def test_a_clock_that_is_wrong_decides_nothing(tmp_path, off_s, words, monkeypatch) -> None:
    monkeypatch.setattr("ppsconsole.engine.lease.HEARTBEAT_S", 3600.0)  # the next beat would put it right

    async def body(hosts: Hosts) -> None:
        lease = hosts.lease("aaaa", SystemClock(), holder=OTHER)
        await lease.take()
        for name in ("h1", "h2"):
            beat = hosts.file(name, "heartbeat")
            beat.write_text(f"{int(beat.read_text()) + off_s}\n")
        with pytest.raises(Leased, match=words):
            await hosts.lease("bbbb", SystemClock()).take()
        assert set(hosts.lines().values()) == {"1 aaaa held"}, "no age of a sign of life makes a lease free"
        await lease.release()

    on_hosts(tmp_path, body)


# --- hosts that were away -----------------------------------------------------------------------------------------


def test_the_old_lease_of_a_host_that_was_away_is_replaced_where_its_run_has_ended(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        lease = hosts.lease("aaaa", SystemClock(), holder=OTHER)
        await lease.take()
        await hosts.servers["h1"].stop()
        assert await lease.release() == ("h1",), "told where it could not be given back"
        journal = hosts.file("h2", "runs/aaaa/events.jsonl")
        journal.parent.mkdir(parents=True)
        journal.write_text('{"kind": "run-finished"}\n')
        following = hosts.lease("bbbb", SystemClock())
        await following.take()
        assert list(following.unreachable) == ["h1"]
        await back(hosts, "h1")
        assert hosts.lines() == {"h1": "1 aaaa held", "h2": "2 bbbb held"}
        await following.extend(hosts.hosts["h1"])
        assert set(hosts.lines().values()) == {"2 bbbb held"}
        assert following.unreachable == {}
        await following.release()

    on_hosts(tmp_path, body)


def test_the_old_lease_of_a_host_that_was_away_is_replaced_where_it_is_the_one_that_was_taken_over(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        lease = hosts.lease("aaaa", SystemClock(), holder=OTHER)
        await lease.take()
        await hosts.servers["h1"].stop()
        await lease.leave()
        assert hosts.file("h1", "lease").read_text().startswith("1 aaaa held")
        following = hosts.lease("aaaa", SystemClock())
        await following.take()
        await back(hosts, "h1")
        await following.extend(hosts.hosts["h1"])
        assert set(hosts.lines().values()) == {"2 aaaa held"}
        await following.release()

    on_hosts(tmp_path, body)


def test_a_console_that_works_on_a_host_that_was_away_is_not_run_over(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        first = hosts.lease("aaaa", SystemClock())
        await hosts.servers["h1"].stop()
        await first.take()
        await back(hosts, "h1")
        other = hosts.lease("bbbb", SystemClock(), required=("h1",), holder=OTHER)
        await hosts.servers["h2"].stop()
        await other.take()
        assert list(other.unreachable) == ["h2"]
        await back(hosts, "h2")
        with pytest.raises(LeaseLost, match=r"run bbbb \(switchover\) holds the lease since .*berta@elsewhere") as caught:
            await first.extend(hosts.hosts["h1"])
        assert "--reason" in caught.value.remedy
        with pytest.raises(LeaseLost, match="run aaaa"):
            await other.extend(hosts.hosts["h2"])
        assert hosts.lines() == {"h1": "1 bbbb held", "h2": "1 aaaa held"}
        await first.release()
        await other.release()

    on_hosts(tmp_path, body)


def test_a_host_that_comes_back_with_a_higher_epoch_is_not_written_over(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        put(hosts, "h1", b"7\n", "epoch")
        await hosts.servers["h1"].stop()
        lease = hosts.lease("aaaa", SystemClock(), reason="h1 burns")
        await lease.take()
        await back(hosts, "h1")
        with pytest.raises(LeaseLost, match="has epoch 7 there, ours is 1") as caught:
            await lease.extend(hosts.hosts["h1"])
        assert "Resume the run" in caught.value.remedy
        await lease.leave()
        again = hosts.lease("aaaa", SystemClock())
        await again.take()
        assert set(hosts.lines().values()) == {"8 aaaa held"}
        await again.release()

    on_hosts(tmp_path, body)


def test_a_lease_on_a_required_host_that_is_gone_cannot_be_taken_over_and_that_is_told(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        lease = hosts.lease("aaaa", SystemClock(), holder=ended_process())
        await lease.take()
        await hosts.servers["h2"].stop()
        with pytest.raises(Blocked, match=r"h2: the lease could not be taken, and it is needed here: .*refused") as caught:
            await hosts.lease("aaaa", SystemClock(), reason="she is gone").take()
        assert "can be reached" in caught.value.remedy
        assert hosts.lines()["h1"] == "1 aaaa held", "nothing was touched"

    on_hosts(tmp_path, body)


# --- who lost it is told who has it ---------------------------------------------------------------------------------


def test_a_console_that_lost_the_lease_is_told_to_whom_and_why(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("ppsconsole.engine.lease.HEARTBEAT_S", 0.05)

    async def body(hosts: Hosts) -> None:
        first = hosts.lease("aaaa", SystemClock())
        await first.take()
        second = hosts.lease("aaaa", SystemClock(), reason="her laptop sleeps", holder=OTHER)
        await second.take()
        told = r"berta@elsewhere pid \d+ took over run aaaa \(epoch 2, this console's is 1\), because: her laptop sleeps"
        await until(lambda: is_lost(first) and "took over" in first._lost)
        with pytest.raises(LeaseLost, match=told) as caught:
            first.check()
        assert caught.value.exit_code == 7
        assert "runs show aaaa" in caught.value.remedy
        await first.release()
        await second.release()

    on_hosts(tmp_path, body)


def test_a_console_that_slept_learns_of_a_takeover_that_is_over_when_it_asks(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        first = hosts.lease("aaaa", SystemClock())
        await first.take()
        await first.confirm()
        second = hosts.lease("aaaa", SystemClock(), reason="her laptop sleeps", holder=OTHER)
        await second.take()
        await second.release()
        with pytest.raises(LeaseLost, match=r"another console took .* and has given it back since \(epoch 2, .* is 1\)"):
            await first.confirm()
        await first.release()

    on_hosts(tmp_path, body)


def test_a_lease_that_somebody_removed_is_told_as_gone(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("ppsconsole.engine.lease.HEARTBEAT_S", 0.05)

    async def body(hosts: Hosts) -> None:
        lease = hosts.lease("aaaa", SystemClock())
        await lease.take()
        hosts.file("h1", "lease").unlink()
        await until(lambda: is_lost(lease) and "gone" in lease._lost)
        with pytest.raises(LeaseLost, match="h1: the lease of run aaaa is gone from there, and nobody holds it"):
            lease.check()
        await lease.leave()

    on_hosts(tmp_path, body)


# --- several consoles at the same moment ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reaches",
    [
        ("h1 h2 h3", "h1 h2 h3"),
        ("h1 h2 h3", "h2 h3"),
        ("h1 h3", "h2 h3"),
        ("h1 h2 h3", "h2 h3", "h1 h3", "h3"),
    ],
)
def test_of_consoles_that_begin_at_the_same_moment_exactly_one_wins_whatever_each_reaches(tmp_path, reaches) -> None:
    """Each has looked and found all free before any of them takes it: the worst moment there is."""

    async def body(hosts: Hosts) -> None:
        for number in range(5):
            leases = [hosts.lease(f"run{n}", SystemClock(), required=("h3",)) for n in range(len(reaches))]
            together = asyncio.Barrier(len(leases))
            for lease, reach in zip(leases, reaches, strict=True):
                _looks_together(lease, reach.split(), together)
            results = await asyncio.gather(*(lease.take() for lease in leases), return_exceptions=True)
            winners = [lease for lease, result in zip(leases, results, strict=True) if result is None]
            assert len(winners) == 1, (number, results)
            [winner] = winners
            for result in results:
                assert result is None or isinstance(result, Leased), result
            assert set(hosts.lines().values()) == {winner.line}
            assert await winner.release() == ()

    on_hosts(tmp_path, body, "h1", "h2", "h3")


def test_two_consoles_that_need_different_hosts_at_the_same_moment_do_not_stop_each_other(tmp_path) -> None:
    async def body(hosts: Hosts) -> None:
        for _ in range(5):
            leases = [hosts.lease(f"run{n}", SystemClock(), required=(host,)) for n, host in enumerate(("h2", "h1"))]
            together = asyncio.Barrier(2)
            for lease in leases:
                _looks_together(lease, ["h1", "h2"], together)
            results = await asyncio.gather(*(lease.take() for lease in leases), return_exceptions=True)
            assert [result is None for result in results].count(True) == 1, results
            [winner] = [lease for lease, result in zip(leases, results, strict=True) if result is None]
            assert set(hosts.lines().values()) == {winner.line}
            await winner.release()

    on_hosts(tmp_path, body)


def _looks_together(lease, reach: list[str], together: asyncio.Barrier) -> None:
    usual = lease._look

    async def look(asked):
        seen, missing = await usual([host for host in asked if host.name in reach])
        if lease.epoch == 0:
            await together.wait()
        return seen, {**missing, **{host.name: "no route to host" for host in asked if host.name not in reach}}

    lease._look = look


def test_two_journals_one_moment_one_run(tmp_path) -> None:
    """Two whole sessions with journals of their own: one run is written down and acts, the other one is not even begun."""

    async def main() -> None:
        async with Hosts(tmp_path) as hosts:
            await hosts.open("h1", "h2")
            consoles = [Console.on(hosts, tmp_path / name) for name in ("here", "there")]
            started = await asyncio.gather(*(console.start() for console in consoles), return_exceptions=True)
            sessions = [each for each in started if not isinstance(each, BaseException)]
            assert [type(each) for each in started if isinstance(each, BaseException)] == [Leased]
            [session] = sessions
            async with session:
                await session.runner.run()
            runs = [[record.id for record in console.journal.runs()] for console in consoles]
            assert sorted(runs) == [[], [session.run_id]]
            for console in consoles:
                console.journal.close()

    asyncio.run(main())
