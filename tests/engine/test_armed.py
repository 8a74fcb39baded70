"""Acts that stand ready on real SSH servers: they act at the word, and whatever takes the word away leaves nothing done."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from ppsconsole.clock import HeldClock, SystemClock
from ppsconsole.engine import armed
from ppsconsole.engine.stage import LeaseLost
from ppsconsole.errors import WorldMoved
from tests.engine.hosts import DEADLINE_S, Hosts, until
from tests.engine.test_guard import TAKEN_OVER, Bound, touch
from tests.engine.test_lease import OTHER
from tests.lab.ssh_server import SshServer, _pump

pytestmark = pytest.mark.usefixtures("patient")


class LiveServer(SshServer):
    """Runs commands with a home of its own, passes their input on line by line, and lets them live when the line drops."""

    home: Path

    async def _run(self, process) -> None:
        self.commands.append(process.command or "")
        child = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            process.command or "true",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "HOME": str(self.home)},
            cwd=self.home,
        )
        pumps = [
            asyncio.ensure_future(each)
            for each in (
                _pump(process.stdin, child.stdin, is_input=True),
                _pump(child.stdout, process.stdout),
                _pump(child.stderr, process.stderr),
            )
        ]
        self.ended.append(await child.wait())
        await asyncio.wait(pumps[1:], timeout=DEADLINE_S)
        with suppress(asyncssh.Error, OSError):
            process.exit(child.returncode or 0)
        for each in pumps:
            each.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        child._transport.close()


async def open_hosts(hosts: Hosts) -> None:
    await hosts.open("h1", "h2")
    for name in ("h1", "h2"):
        old = hosts.servers[name]
        await old.stop()
        made = LiveServer(old.address, old.port, host_key=old.host_key, authorized=hosts.client_key)
        made.home, made.ended = old.home, []
        await made.start()
        hosts.servers[name] = made


def ready(tmp_path, body) -> None:
    async def main() -> None:
        async with Hosts(tmp_path) as hosts:
            await open_hosts(hosts)
            made = Bound(hosts)
            await made.lease.take()
            await asyncio.wait_for(body(made), DEADLINE_S)
            made.guard.disarm()
            await made.lease.release()

    asyncio.run(main())


def count(made: Bound) -> int:
    return len(made.hosts.servers["h1"].commands)


def test_what_stands_ready_acts_at_the_word_once_and_is_heard_as_it_goes(tmp_path) -> None:
    async def body(made: Bound) -> None:
        command = f"echo first; {touch(tmp_path, 'acted')}; echo second; echo err >&2; exit 3"
        await made.guard.arm("h1", command, node="db1")
        assert not (tmp_path / "acted").exists()
        before, heard = count(made), []
        result = await made.guard.act("h1", command, node="db1", heard=heard.append)
        assert (result.exit_status, result.stdout, result.stderr) == (3, "first\nsecond\n", "err\n")
        assert (heard, made.stage.sent) == (["first", "second"], 1)
        assert count(made) == before, "no further command was started"
        assert (made.sent[-1].kind, made.sent[-1].command[:10]) == ("act", command[:10])
        begun = made.hosts.file("h1", "runs/aaaa/begun").read_text()
        assert begun == "step/1\n", "who goes on from a copy learns of it"
        await made.guard.act("h1", command, node="db1")
        assert count(made) == before + 1, "the next act is sent the ordinary way"
        assert (tmp_path / "acted").read_text() == "x\nx\n"

    ready(tmp_path, body)


def test_a_dropped_line_ends_it_with_nothing_done_and_the_act_goes_the_ordinary_way(tmp_path) -> None:
    async def body(made: Bound) -> None:
        await made.guard.arm("h1", touch(tmp_path, "acted"), node="db1")
        server = made.hosts.servers["h1"]
        server.drop()
        await until(lambda: armed.UNUSED in server.ended)
        assert not (tmp_path / "acted").exists()
        await made.guard.act("h1", touch(tmp_path, "acted"), node="db1")
        assert (tmp_path / "acted").read_text() == "x\n"

    ready(tmp_path, body)


def test_a_takeover_meanwhile_leaves_nothing_done(tmp_path) -> None:
    async def body(made: Bound) -> None:
        await made.guard.arm("h1", touch(tmp_path, "acted"), node="db1")
        taken = made.hosts.lease("aaaa", SystemClock(), reason="it sleeps", holder=OTHER)
        await taken.take()
        with pytest.raises(LeaseLost, match=TAKEN_OVER):
            await made.guard.act("h1", touch(tmp_path, "acted"), node="db1")
        assert (made.stage.sent, (tmp_path / "acted").exists()) == (0, False)
        await taken.release()

    ready(tmp_path, body)


def test_another_system_in_its_place_meanwhile_leaves_nothing_done(tmp_path) -> None:
    async def body(made: Bound) -> None:
        await made.guard.arm("h1", touch(tmp_path, "acted"), node="db1")
        (made.data / "identifier").write_text("999")
        with pytest.raises(WorldMoved, match="system identifier: 999, planned was 7123456789; nothing was done"):
            await made.guard.act("h1", touch(tmp_path, "acted"), node="db1")
        assert (made.stage.sent, (tmp_path / "acted").exists()) == (0, False)

    ready(tmp_path, body)


def test_a_directory_that_was_moved_away_under_its_server_leaves_nothing_done(tmp_path) -> None:
    async def body(made: Bound) -> None:
        server = await asyncio.create_subprocess_exec("/bin/sleep", "1000", cwd=made.data)
        pid_file = f"{server.pid}\n{made.data}\n1700000000\n"
        try:
            (made.data / "postmaster.pid").write_text(pid_file)
            await made.guard.arm("h1", touch(tmp_path, "acted"), node="db1")
            made.data.rename(tmp_path / "aside")
            made.data.mkdir()
            (made.data / "postmaster.pid").write_text(pid_file)
            (made.data / "identifier").write_text("999")
            with pytest.raises(WorldMoved, match="system identifier: 999"):
                await made.guard.act("h1", touch(tmp_path, "acted"), node="db1")
        finally:
            server.kill()
            await server.wait()
        assert not (tmp_path / "acted").exists()

    ready(tmp_path, body)


def test_what_is_not_as_planned_does_not_stand_ready(tmp_path) -> None:
    async def body(made: Bound) -> None:
        made.rebind(replace(made.identity, system_identifier="999"))
        with pytest.raises(WorldMoved, match="planned was 999"):
            await made.guard.arm("h1", touch(tmp_path, "acted"), node="db1")
        assert not (tmp_path / "acted").exists()

    ready(tmp_path, body)


def test_one_that_stood_ready_for_too_long_is_not_used(tmp_path) -> None:
    async def body(made: Bound) -> None:
        clock = HeldClock()
        made.guard._clock = clock
        await made.guard.arm("h1", touch(tmp_path, "acted"), node="db1")
        clock.advance(armed.HELD_S + 1)
        server = made.hosts.servers["h1"]
        await made.guard.act("h1", touch(tmp_path, "acted"), node="db1")
        await until(lambda: armed.UNUSED in server.ended)
        assert (tmp_path / "acted").read_text() == "x\n"

    ready(tmp_path, body)


def test_a_console_killed_while_it_holds_one_ready_leaves_nothing_done(tmp_path) -> None:
    async def main() -> None:
        async with Hosts(tmp_path) as hosts:
            await open_hosts(hosts)
            server = hosts.servers["h1"]
            places = {name: [each.address, each.port] for name, each in hosts.servers.items()}
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.engine.armed_console",
                json.dumps({"folder": str(tmp_path), "hosts": places, "command": touch(tmp_path, "acted")}),
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                async with asyncio.timeout(DEADLINE_S):
                    assert await child.stdout.readline() == b"ready\n"
            finally:
                child.send_signal(signal.SIGKILL)
                await child.wait()
            await until(lambda: armed.UNUSED in server.ended)
            assert not (tmp_path / "acted").exists()

    asyncio.run(main())
