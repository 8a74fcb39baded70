"""Every node of the lab can be broken in every way, each tells apart, and heals."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from tests.lab.conftest import LIMIT_S, SILENT_S, Lab, refused_or_silent, wait_for


def service(lab: Lab, host: str, name: str) -> str:
    """Return what the service program on the host says."""
    [done] = lab.ssh(host, f"{name}-service status")
    assert done.exit_status == 0
    return str(done.stdout).strip()


@pytest.mark.parametrize(("node", "host", "name"), [("db1", "db1", "db"), ("pps1", "web1", "pps"), ("lb1", "lb1", "nginx")])
def test_kill_stop_and_hang_are_told_apart(lab: Lab, node: str, host: str, name: str) -> None:
    assert service(lab, host, name).startswith("state=running enabled=enabled pid=")
    for kind, state in (("kill", "failed"), ("stop", "stopped"), ("hang", "frozen")):
        lab.fault(kind, node)
        assert service(lab, host, name).startswith(f"state={state} enabled=enabled"), kind
        told = lab.nodes()[node]
        assert told["state"] == state
        assert [each["kind"] for each in told["faults"]] == [kind]
        assert told["complaint"]
        lab.heal(node)
        assert service(lab, host, name).startswith("state=running"), kind
        assert lab.nodes()[node]["complaint"] == ""


def test_a_killed_postmaster_is_seen_and_is_no_zombie(lab: Lab) -> None:
    pid = int(service(lab, "db1", "db").rpartition("pid=")[2])
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "reaped")
    wait_for(lambda: asyncio.run(refused_or_silent(lab.road("web1>db1:db"))) == "refused", "refused")
    assert service(lab, "db1", "db").startswith("state=failed")


def test_a_stopped_service_refuses_and_a_cut_road_is_silent(lab: Lab) -> None:
    lab.fault("stop", "pps1")
    assert asyncio.run(refused_or_silent(lab.road("lb1>web1:pps"))) == "refused"
    lab.fault("disconnect", "pps1", "--link", "users")
    assert asyncio.run(refused_or_silent(lab.road("lb1>web1:pps"), SILENT_S)) == "silent"
    lab.heal("pps1")
    assert asyncio.run(refused_or_silent(lab.road("lb1>web1:pps"))) == "open"


def test_a_flow_freezes_with_the_cut_and_goes_on_after_it(lab: Lab) -> None:
    async def main() -> None:
        reader, writer = await asyncio.open_connection(*lab.road("console>bastion-a:ssh"))
        assert (await asyncio.wait_for(reader.readline(), LIMIT_S)).startswith(b"SSH-2.0-")
        await asyncio.to_thread(lab.fault, "disconnect", "bastion-a", "--link", "console")
        writer.write(b"SSH-2.0-test\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(read := asyncio.ensure_future(reader.read(100))), SILENT_S)
        assert await refused_or_silent(lab.road("console>bastion-a:ssh"), SILENT_S) == "silent"
        late = asyncio.create_task(refused_or_silent(lab.road("console>bastion-a:ssh")))
        await asyncio.to_thread(lab.heal, "bastion-a")
        assert await asyncio.wait_for(read, LIMIT_S)  # the key exchange that had waited on the way
        assert await late == "open"
        writer.transport.abort()

    asyncio.run(main())


def test_bastion_faults(lab: Lab) -> None:
    entrance = lab.road("console>bastion-b:ssh")

    async def banner(limit_s: float) -> bytes | None:
        reader, writer = await asyncio.open_connection(*entrance)
        try:
            return await asyncio.wait_for(reader.readline(), limit_s)
        except TimeoutError:
            return None
        finally:
            writer.transport.abort()

    async def dropped() -> None:
        async with lab.login("web2") as connection:
            await asyncio.to_thread(lab.fault, "kill", "bastion-b")
            await asyncio.wait_for(connection.wait_closed(), LIMIT_S)

    asyncio.run(dropped())
    assert asyncio.run(refused_or_silent(entrance)) == "refused"
    assert lab.nodes()["bastion-b"]["state"] == "stopped"
    lab.heal("bastion-b")
    lab.fault("hang", "bastion-b")
    assert asyncio.run(refused_or_silent(entrance)) == "open"
    assert asyncio.run(banner(SILENT_S)) is None
    lab.heal("bastion-b")
    assert (asyncio.run(banner(LIMIT_S)) or b"").startswith(b"SSH-2.0-")


def test_a_cut_replication_road_is_noticed_and_heals(lab: Lab) -> None:
    streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
    assert lab.sql(streaming) == [(1,)]
    lab.fault("disconnect", "db2", "--link", "replication")
    wait_for(lambda: lab.sql(streaming) == [(0,)], "the primary notices")
    assert service(lab, "db2", "db").startswith("state=running")
    lab.heal("db2")
    assert lab.sql(streaming) == [(1,)]


def test_a_slow_road_is_slow(lab: Lab) -> None:
    lab.fault("slow", "db1", "--link", "console", "--delay", "300")
    began = time.monotonic()
    lab.sql("SELECT 1")
    assert time.monotonic() - began > 1.2  # at least two round trips: startup and query
    lab.heal("db1")


def test_slow_roads_are_mended_one_by_one() -> None:
    from ppsconsole.lab.fabric import Road, Weather

    async def main() -> None:
        road = Road("web1", "db1", "db", source="127.9.9.8", target=("127.9.9.9", 1), preferred=7000)
        road.slow("slow db1 all", Weather(0.2, 1000.0))
        road.slow("slow pps1 all", Weather(0.1, 5000.0))
        assert road.weather == Weather(pytest.approx(0.3), 1000.0)
        road.mend("slow db1 all")
        assert road.weather == Weather(0.1, 5000.0)
        road.mend("slow pps1 all")
        assert road.weather == Weather()
        road.close()

    asyncio.run(main())


def test_the_front_asks_a_web_node_that_is_back_at_once(lab: Lab) -> None:
    include = (lab.home("lb1") / "etc" / "upstream.conf").read_text()
    assert include.count(" max_fails=0") == 2
    lab.fault("kill", "pps1")
    wait_for(lambda: lab.nodes()["lb1"]["complaint"] == "answers 502", "the front notices")
    lab.heal("pps1")
    assert lab.nodes()["lb1"]["complaint"] == ""  # nginx by itself would leave it out for 10 s


def test_the_database_sees_where_connections_come_from(lab: Lab) -> None:
    rows = lab.sql("SELECT usename, host(client_addr) FROM pg_stat_activity WHERE client_addr IS NOT NULL")
    assert ("pps", lab.address("web1")) in rows
    assert ("pps", lab.address("web2")) in rows
    assert ("ppsconsole", lab.address("bastion-a")) in rows
    assert ("replicator", lab.address("db2")) in rows


def test_a_disabled_service_does_not_start_at_boot(lab: Lab) -> None:
    lab.ssh("web2", "pps-service disable")
    assert "disabled" in lab.fault("reboot", "pps2")
    assert service(lab, "web2", "pps").startswith("state=failed enabled=disabled")
    assert "healed" in lab.heal()  # what somebody disabled is left so
    assert "enabled=disabled pid=" in service(lab, "web2", "pps")
    [refused] = lab.ssh("web2", "pps-service start")
    assert refused.exit_status == 1
    assert "disabled" in str(refused.stdout)
    [done] = lab.ssh("web2", "pps-service enable && pps-service start")
    assert done.exit_status == 0
    assert service(lab, "web2", "pps").startswith("state=running enabled=enabled")


def test_a_reboot_ends_what_ran_and_starts_what_is_enabled(lab: Lab) -> None:
    [started] = lab.ssh("db2", "setsid sleep 600 >/dev/null 2>&1 </dev/null & echo $!")
    before = service(lab, "db2", "db")
    lab.fault("reboot", "db2")
    wait_for(lambda: not Path(f"/proc/{str(started.stdout).strip()}").exists(), "what was started is gone")
    after = service(lab, "db2", "db")
    assert after.startswith("state=running")
    assert after != before


def test_commands_run_as_on_a_host_of_their_own(lab: Lab) -> None:
    large = "head -c 3000000 /dev/zero | tr '\\0' x"
    commands = ("hostname; uname -n", "pwd; echo $HOME", large, "kill -9 $$", "exit 7")
    name, where, big, killed, left = lab.ssh("web1", *commands)
    [echoed] = lab.ssh("web1", "cat", stdin="through")
    assert name.stdout == "web1\nweb1\n"
    assert where.stdout == f"{lab.home('web1')}\n" * 2
    assert len(str(big.stdout)) == 3_000_000
    assert echoed.stdout == "through"
    assert killed.exit_signal is not None
    assert killed.exit_signal[0] == "KILL"
    assert left.exit_status == 7


def test_hosts_are_reached_through_their_bastion_only(lab: Lab) -> None:
    import asyncssh

    host = lab.state["hosts"]["db1"]

    async def directly() -> None:
        await asyncssh.connect(
            host["address"], host["ports"]["ssh"], username="lab", client_keys=[str(lab.folder / "ssh_key")], known_hosts=None
        )

    with pytest.raises((asyncssh.Error, OSError)):
        asyncio.run(asyncio.wait_for(directly(), LIMIT_S))

    async def from_the_wrong_site() -> None:
        async with lab.login("bastion-b") as bastion:
            await bastion.open_connection(host["address"], host["ports"]["ssh"])

    with pytest.raises(asyncssh.ChannelOpenError, match="does not forward"):
        asyncio.run(asyncio.wait_for(from_the_wrong_site(), LIMIT_S))


def test_the_stored_connection_is_switched_on_the_host(lab: Lab) -> None:
    before, changed, after, wrong, _ = lab.ssh(
        "web2",
        "pps-connection get",
        "pps-connection set db2",
        "pps-connection get",
        "pps-connection set db7",
        "pps-connection set db1",
    )
    assert str(before.stdout).startswith("host=db1 port=")
    assert changed.exit_status == 0
    assert str(after.stdout).startswith("host=db2 port=")
    assert wrong.exit_status == 1
    assert "db7" in str(wrong.stderr)


def test_an_error_stream_outlives_the_output_stream(lab: Lab) -> None:
    [done] = lab.ssh("web2", "echo first; exec >&-; sleep 0.3; echo second >&2; exit 3")
    assert (done.stdout, done.stderr, done.exit_status) == ("first\n", "second\n", 3)


def test_what_does_not_exist_is_refused_with_what_does(lab: Lab) -> None:
    for arguments, words in (
        (("kill", "db9"), "bastion-a, bastion-b, lb1, pps1, pps2, db1, db2"),
        (("disconnect", "lb1", "--link", "replication"), "has no link 'replication'. It has all, console, users"),
        (("melt", "db1"), "No such command 'melt'"),
    ):
        done = lab.command("fault", *arguments, "--dir", str(lab.folder))
        assert done.returncode == 2
        assert words in done.stderr


def test_heal_brings_back_no_second_primary(own_lab: Lab) -> None:
    assert own_lab.up().returncode == 0
    own_lab.fault("kill", "db1")
    data = own_lab.home("db2") / "data"
    [promoted] = own_lab.ssh("db2", f"pg_ctl promote -D {data}")
    assert promoted.exit_status == 0, promoted.stderr
    done = own_lab.command("heal", "db1", "--dir", str(own_lab.folder))
    assert done.returncode == 1
    assert "second primary" in done.stderr
    assert own_lab.nodes()["db1"]["state"] == "failed"
