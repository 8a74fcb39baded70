"""The SSH driver against SSH servers that really run commands."""

import asyncio
import os
import resource
import time
from contextlib import suppress

import pytest

from ppsconsole.drivers.base import LineDropped
from ppsconsole.errors import BadAnswer, BastionDown, LoginRefused, OutputTooLong, TimedOut, Unreachable
from tests.lab.ssh_server import World

PATIENT_S = 90.0


async def until(condition, timeout_s: float = PATIENT_S) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - states of other libraries have no event
            await asyncio.sleep(0.01)


async def chain_of_two(world: World) -> None:
    await world.add("b1", "127.41.0.1")
    await world.add("b2", "127.41.0.2", via=("b1",))
    await world.add("db", "127.41.0.3", via=("b1", "b2"))


def test_a_command_through_two_bastions(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await chain_of_two(world)
            await world.add("db2", "127.41.0.4", via=("b2",))  # b2's own bastion is found by itself
            pool = world.pool()
            result = await pool.run(world.hosts["db"], "echo out; echo err >&2; exit 3", timeout_s=PATIENT_S)
            assert (result.exit_status, result.stdout, result.stderr) == (3, "out\n", "err\n")
            assert 0 < result.duration_s < PATIENT_S
            result = await pool.run(world.hosts["db2"], "cat; kill -9 $$", stdin="grüße\n", timeout_s=PATIENT_S)
            assert (result.exit_status, result.stdout) == (-1, "grüße\n")
            assert {name: len(server.connections) for name, server in world.servers.items()} == {
                "b1": 1,
                "b2": 1,
                "db": 1,
                "db2": 1,
            }
            assert pool.fingerprint("db") == world.servers["db"].host_key.get_fingerprint()
            assert pool.fingerprint("nobody") is None
        logins = [record for record in world.records if "ssh login" in record.command]
        assert [(record.where, record.outcome) for record in logins] == [("b1", "ok"), ("b2", "ok"), ("db", "ok"), ("db2", "ok")]
        assert logins[2].command.endswith("via b1 b2)")

    asyncio.run(main())


def test_what_is_recorded_has_no_secrets_and_no_control_characters(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await world.add("h", "127.41.0.1")
            await world.pool().run(world.hosts["h"], "echo password=hunter22 '\x1b[2J'", timeout_s=PATIENT_S)
        assert world.records[-1].command == "echo password=••• '?[2J'"
        assert world.records[-1].outcome == "rc 0"
        assert world.records[-1].where == "h"

    asyncio.run(main())


def test_output_has_a_limit_and_invalid_text_is_replaced(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await world.add("h", "127.41.0.1")
            host, pool = world.hosts["h"], world.pool()
            assert (await pool.run(host, r"printf '\377\376ok'", timeout_s=PATIENT_S)).stdout == "\ufffd\ufffdok"
            exact = await pool.run(host, "head -c 1000 /dev/zero", limit_bytes=1000, timeout_s=PATIENT_S)
            assert len(exact.stdout) == 1000
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for command in ("head -c 100000000 /dev/zero", "yes", "yes >&2"):
                with pytest.raises(OutputTooLong, match="more than 1048576 bytes"):
                    await pool.run(host, command, timeout_s=PATIENT_S)
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000, "kilobytes"
            assert (await pool.run(host, "echo still here", timeout_s=PATIENT_S)).stdout == "still here\n"
            assert len(world.servers["h"].connections) == 1

    asyncio.run(main())


def test_a_command_that_does_not_end_is_given_up_and_frees_its_channel(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await world.add("h", "127.41.0.1")
            host, pool = world.hosts["h"], world.pool()
            await pool.run(host, "true", timeout_s=PATIENT_S)
            outcomes = await asyncio.gather(
                *(pool.run(host, "sleep 600", timeout_s=1.5) for _ in range(20)), return_exceptions=True
            )
            assert {type(each) for each in outcomes} == {TimedOut}
            assert any("may still be running" in str(each) for each in outcomes)
            assert any("channels" in str(each) for each in outcomes), "no more than eight at a time were let through"
            assert sum(command == "sleep 600" for command in world.servers["h"].commands) <= 8
            results = await asyncio.gather(*(pool.run(host, f"echo {n}", timeout_s=PATIENT_S) for n in range(20)))
            assert [result.stdout for result in results] == [f"{n}\n" for n in range(20)]
            assert len(world.servers["h"].connections) == 1

    asyncio.run(main())


def test_a_dropped_connection_is_told_disturbs_nobody_and_is_made_anew(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await world.add("h", "127.41.0.1")
            await world.add("other", "127.41.0.2")
            pool = world.pool()
            other = asyncio.create_task(
                pool.run(world.hosts["other"], "read line; echo $line", stdin="fine\n", timeout_s=PATIENT_S)
            )
            running = asyncio.create_task(pool.run(world.hosts["h"], "echo begun; sleep 600", timeout_s=PATIENT_S))
            await until(lambda: world.servers["h"].commands)
            world.servers["h"].drop()
            with pytest.raises(LineDropped, match="whether it ran to its end is unknown") as told:
                await running
            assert told.value.where == "h"
            assert (await other).stdout == "fine\n"
            assert (await pool.run(world.hosts["h"], "echo back", timeout_s=PATIENT_S)).stdout == "back\n"

    asyncio.run(main())


def test_callers_share_one_attempt_and_one_that_leaves_does_not_end_it(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await world.add("h", "127.41.0.1")
            pool, host = world.pool(), world.hosts["h"]
            impatient = asyncio.create_task(pool.run(host, "echo no", timeout_s=PATIENT_S))
            patient = [asyncio.create_task(pool.run(host, f"echo {n}", timeout_s=PATIENT_S)) for n in range(5)]
            await until(lambda: world.servers["h"].connections)
            impatient.cancel()
            assert [(await each).stdout for each in patient] == [f"{n}\n" for n in range(5)]
            with pytest.raises(asyncio.CancelledError):
                await impatient
            assert len(world.servers["h"].connections) == 1

    asyncio.run(main())


async def say_nothing(reader, writer):
    with suppress(OSError):
        await reader.read()
    writer.close()


def test_a_port_that_is_closed_a_server_that_is_silent_and_one_that_is_none(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            silent = await asyncio.start_server(say_nothing, "127.41.0.9", 0)
            rude = await asyncio.start_server(lambda r, w: w.close(), "127.41.0.10", 0)
            world.declare("closed", "127.41.0.8", 1)
            world.declare("silent", "127.41.0.9", silent.sockets[0].getsockname()[1], connect_timeout_s=0.5)
            world.declare("rude", "127.41.0.10", rude.sockets[0].getsockname()[1])
            world.declare("nameless", "no-such-host.invalid", 22)
            world.declare("later", "127.41.0.9", silent.sockets[0].getsockname()[1])
            pool = world.pool()
            with pytest.raises(Unreachable, match=r"127\.41\.0\.8:1 refused") as closed:
                await pool.run(world.hosts["closed"], "true", timeout_s=PATIENT_S)
            assert closed.value.is_refused
            with pytest.raises(TimedOut, match=r"no SSH login to 127\.41\.0\.9:\d+ within 0.5s"):
                await pool.run(world.hosts["silent"], "true", timeout_s=PATIENT_S)
            with pytest.raises(Unreachable, match="closed the connection before the login") as closing:
                await pool.run(world.hosts["rude"], "true", timeout_s=PATIENT_S)
            assert not closing.value.is_refused
            with pytest.raises(Unreachable, match="does not resolve"):
                await pool.run(world.hosts["nameless"], "true", timeout_s=PATIENT_S)
            waiting = asyncio.create_task(pool.run(world.hosts["later"], "true", timeout_s=PATIENT_S))
            await until(lambda: any(line.attempt for line in pool._lines.values()))
            await pool.aclose()
            with pytest.raises(Unreachable, match="closing"):
                await waiting
            rude.close()
            silent.close()
            assert world.records[0].outcome == "unreachable"

    asyncio.run(main())


def test_a_login_that_is_refused(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            server = await world.add("h", "127.41.0.1")
            world.declare("keyless", "127.41.0.1", server.port, key=str(tmp_path / "none"))
            server.authorized = server.host_key
            await server.stop()
            await server.start()
            world.declare("h", "127.41.0.1", server.port)
            world.known_hosts.write_text(server.known())
            with pytest.raises(LoginRefused, match="did not accept the login of ops"):
                await world.pool().run(world.hosts["h"], "true", timeout_s=PATIENT_S)
            with pytest.raises(LoginRefused, match="none cannot be read: No such file"):
                await world.pool().run(world.hosts["keyless"], "true", timeout_s=PATIENT_S)

    asyncio.run(main())


def test_a_bastion_that_fails_is_named(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await chain_of_two(world)
            pool = world.pool()
            await world.servers["b1"].stop()
            for refused in (pool.run, pool.endpoint, pool.reach):
                args = ("true",) if refused == pool.run else ("127.0.0.1", 5432)
                with pytest.raises(BastionDown, match=r"bastion b1 failed: .* refused") as told:
                    await refused(world.hosts["db"], *args, timeout_s=PATIENT_S)
                assert told.value.where == "db"
            with pytest.raises(Unreachable) as own:
                await pool.run(world.hosts["b1"], "true", timeout_s=PATIENT_S)
            assert not isinstance(own.value, BastionDown), "the bastion itself is plainly unreachable"

    asyncio.run(main())


def test_a_bastion_that_does_not_forward(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await world.add("b1", "127.41.0.1", forwards=False)
            await world.add("db", "127.41.0.3", via=("b1",))
            with pytest.raises(Unreachable, match="bastion b1 does not forward") as told:
                await world.pool().run(world.hosts["db"], "true", timeout_s=PATIENT_S)
            assert "AllowTcpForwarding" in told.value.remedy

    asyncio.run(main())


async def hello_server() -> asyncio.Server:
    async def hello(reader, writer):
        writer.write(b"hello\n")
        writer.close()

    return await asyncio.start_server(hello, "127.41.0.7", 0)


async def first_line(endpoint) -> bytes:
    reader, writer = await asyncio.open_connection(endpoint.address, endpoint.port)
    line = await reader.readline()
    writer.close()
    return line


def test_a_port_behind_bastions_is_forwarded_kept_and_made_anew(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await chain_of_two(world)
            server = await hello_server()
            port = server.sockets[0].getsockname()[1]
            pool, host = world.pool(), world.hosts["db"]
            endpoints = await asyncio.gather(*(pool.endpoint(host, "127.41.0.7", port, timeout_s=PATIENT_S) for _ in range(3)))
            assert len(set(endpoints)) == 1
            assert endpoints[0].address == "127.0.0.1"
            assert await first_line(endpoints[0]) == b"hello\n"
            world.servers["b2"].drop()
            connection = pool._lines["b1", "b2"].connection
            await until(connection.is_closed)
            again = await pool.endpoint(host, "127.41.0.7", port, timeout_s=PATIENT_S)
            assert await first_line(again) == b"hello\n"
            direct = await pool.endpoint(world.hosts["b1"], "127.41.0.7", port)
            assert (direct.address, direct.port) == ("127.41.0.7", port)
            await pool.aclose()
            with pytest.raises(OSError, match="Connect call failed"):
                await asyncio.open_connection(again.address, again.port)
            with pytest.raises(Unreachable, match="closing"):
                await pool.run(host, "true")
            server.close()

    asyncio.run(main())


def test_reach_says_why_a_port_cannot_be_reached(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await chain_of_two(world)
            server = await hello_server()
            port = server.sockets[0].getsockname()[1]
            pool = world.pool()
            for name in ("b1", "db"):
                await pool.reach(world.hosts[name], "127.41.0.7", port, timeout_s=PATIENT_S)
                with pytest.raises(Unreachable, match=r"127\.41\.0\.7:1 refused") as told:
                    await pool.reach(world.hosts[name], "127.41.0.7", 1, timeout_s=PATIENT_S)
                assert told.value.is_refused
            server.close()

    asyncio.run(main())


def test_the_ssh_configuration_is_honoured_and_the_inventory_wins(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            jump = await world.add("jump", "127.41.0.1")
            server = await world.add("h", "127.41.0.2")
            wrong = tmp_path / "config-wrong"
            wrong.write_text(
                f"Host *\n  Port 1\n  UserKnownHostsFile none\n  IdentityFile {tmp_path}/none\n  HostName 127.41.0.2\n"
            )
            config = tmp_path / "config"
            config.write_text(
                f"Host pretty\n  HostName 127.41.0.2\n  Port {server.port}\n  ProxyJump ops@127.41.0.1:{jump.port}\n"
                f"Host *\n  User ops\n  IdentityFile {world.key_file}\n  UserKnownHostsFile {world.known_hosts}\n"
                "  StrictHostKeyChecking no\n  RemoteCommand echo never\n  RequestTTY force\n"
            )
            nothing = {"user": None, "key": None, "known_hosts": None, "config": str(config)}
            world.declare("pretty", "pretty", None, **nothing)
            world.declare("own", "127.41.0.2", server.port, config=str(wrong))
            world.declare("broken", "x", None, config=str(tmp_path / "no-config"))
            pool = world.pool()
            assert (await pool.run(world.hosts["pretty"], "echo configured", timeout_s=PATIENT_S)).stdout == "configured\n"
            assert len(jump.connections) == 1, "ProxyJump was followed"
            assert pool.fingerprint(f"ops@127.41.0.1:{jump.port}") == jump.host_key.get_fingerprint()
            assert (await pool.run(world.hosts["own"], "echo declared", timeout_s=PATIENT_S)).stdout == "declared\n"
            with pytest.raises(Exception, match="no-config"):
                await pool.run(world.hosts["broken"], "true", timeout_s=PATIENT_S)

    asyncio.run(main())


def test_a_circle_of_bastions_ends_in_an_error(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            world.declare("a", "127.41.0.1", 1, via=("b",))
            world.declare("b", "127.41.0.2", 1, via=("a",))
            with pytest.raises(BadAnswer, match="circle"):
                await world.pool().run(world.hosts["a"], "true", timeout_s=PATIENT_S)

    asyncio.run(main())


def test_a_thundering_herd_respects_the_limit_on_logins(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await world.add("b1", "127.41.0.1")
            for n in range(6):
                await world.add(f"h{n}", f"127.41.1.{n}", via=("b1",))
            pool = world.pool(concurrency=1)
            began = time.monotonic()
            results = await asyncio.gather(*(pool.run(world.hosts[f"h{n}"], f"echo {n}", timeout_s=PATIENT_S) for n in range(6)))
            assert [result.stdout for result in results] == [f"{n}\n" for n in range(6)]
            assert time.monotonic() - began < PATIENT_S, "waiting for the bastion does not take the place of its login"

    asyncio.run(main())


def test_the_console_starts_without_asyncssh():
    import subprocess
    import sys

    code = "import sys, ppsconsole.drivers.ssh; sys.exit('asyncssh' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ}, check=False).returncode == 0


class Relay:
    """Passes bytes between a port of its own and a server, until it is told to swallow them."""

    def __init__(self, address: str, port: int) -> None:
        self._target = (address, port)
        self.is_frozen = False

    async def __aenter__(self) -> "Relay":
        self._serving: set[asyncio.Task] = set()
        self._server = await asyncio.start_server(self._serve, "127.41.2.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.wait(self._serving, timeout=PATIENT_S)

    async def _serve(self, reader, writer) -> None:
        self._serving.add(asyncio.current_task())
        far_reader, far_writer = await asyncio.open_connection(*self._target)

        async def pump(source, target) -> None:
            with suppress(OSError):
                while chunk := await source.read(65536):
                    if not self.is_frozen:
                        target.write(chunk)
            for each in (writer, far_writer):
                each.transport.abort()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        for each in (writer, far_writer):
            with suppress(OSError):
                await each.wait_closed()


def test_a_line_that_goes_silent_is_given_up_and_closing_does_not_wait(tmp_path, monkeypatch):
    from ppsconsole.drivers import ssh_connect

    monkeypatch.setattr(ssh_connect, "KEEPALIVE_EVERY_S", 0.2)

    async def main():
        async with World(tmp_path) as world:
            server = await world.add("h", "127.41.0.1")
            async with Relay("127.41.0.1", server.port) as relay:
                world.declare("h", "127.41.2.1", relay.port, connect_timeout_s=8.0)
                world.known_hosts.write_text(server.known().replace(f"[127.41.0.1]:{server.port}", f"[127.41.2.1]:{relay.port}"))
                pool, host = world.pool(), world.hosts["h"]
                await pool.run(host, "true", timeout_s=PATIENT_S)
                connection = pool._lines["h",].connection
                relay.is_frozen = True
                with pytest.raises(TimedOut, match=r"within 0\.1s"):
                    await pool.run(host, "true", timeout_s=0.1)
                running = asyncio.create_task(pool.run(host, "sleep 600", timeout_s=PATIENT_S))
                await until(connection.is_closed)
                with pytest.raises(TimedOut, match="no SSH login"):  # it was never sent, so a new line was tried
                    await running
                assert server.commands == ["true"]
                relay.is_frozen = False
                assert (await pool.run(host, "echo back", timeout_s=PATIENT_S)).stdout == "back\n"
                relay.is_frozen = True
                async with asyncio.timeout(PATIENT_S):
                    await pool.aclose()

    asyncio.run(main())
