"""Hosts that answer with what no host should: through the real drivers, from real servers on loopback.

What comes back is bounded, says which host it is and what to do, and is harmless text on every screen.
"""

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from types import SimpleNamespace

import asyncssh
import pytest

from ppsconsole.clock import SystemClock
from ppsconsole.drivers import log_reading
from ppsconsole.drivers.log import NEAR_LINE, LogSource
from ppsconsole.drivers.postgres import PostgresPool
from ppsconsole.drivers.web import look
from ppsconsole.drivers.web_login import log_in
from ppsconsole.errors import DriverError, OutputTooLong
from ppsconsole.inventory.model import Cluster, DatabaseGroup, DatabaseTls, Host, Instance, Inventory, Site
from ppsconsole.masking import masker, plain
from tests.lab.ssh_server import World
from tests.unit.hostile_texts import HARMFUL

SECRET = "hunter2hunter2"
NASTY = (
    "\x1b]52;c;cm0gLXJmIC8=\x07\x1b]0;owned\x07\x1b[2J\x1b[1;1H\x9b31m[bold]x[/bold] [@click=app.quit]y[/] "
    f"\u202eevil\u2066 \u200b\ufeff password={SECRET} \r\n\x00"
)
MEGABYTE = 1 << 20
BOUND_BYTES = 48 * MEGABYTE
"""What an endless host may get rid of: the limit of the driver, its window, and what the sockets of both sides hold."""

Say = Callable[[asyncssh.SSHServerProcess], Awaitable[None]]


def harmless(text: str) -> None:
    assert text.strip()
    assert not HARMFUL.search(text), repr(text[:300])
    assert SECRET not in text
    assert len(text) < 2000


class Flood:
    """Counts what a server got rid of."""

    def __init__(self, piece: bytes) -> None:
        self.piece, self.sent = piece, 0

    async def __call__(self, process: asyncssh.SSHServerProcess) -> None:
        try:
            while self.sent < 100 * BOUND_BYTES:
                process.stdout.write(self.piece)
                await process.stdout.drain()
                self.sent += len(self.piece)
        except (OSError, asyncssh.Error):
            return


async def hostile(world: World, say: Say) -> Host:
    """Return a host whose every command is answered by `say`."""
    server = await world.add("db1", "127.0.0.1")

    async def run(process: asyncssh.SSHServerProcess) -> None:
        try:
            await say(process)
            process.exit(0)
        except (OSError, asyncssh.Error):
            return

    server._run = run
    await server.stop()
    await server.start()
    world.known_hosts.write_text(server.known())
    world.declare("db1", "127.0.0.1", server.port)
    return world.hosts["db1"]


@pytest.mark.parametrize(
    "piece", [b"x" * 65536, b"\xff\xfe\x1b[2J" * 9000, b"a\n" * 2048], ids=["no-newline", "invalid", "lines"]
)
def test_an_endless_command_is_cut_off(piece: bytes, tmp_path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            flood = Flood(piece)
            host = await hostile(world, flood)
            pool = world.pool()
            with pytest.raises(OutputTooLong) as caught:
                await pool.run(host, "anything", timeout_s=90)
            harmless(str(caught.value))
            assert caught.value.where == "db1"
            assert caught.value.remedy
            source = LogSource("db1", host, "file", "/var/log/x", "the inventory")
            with pytest.raises(DriverError) as refused:
                await log_reading.read_tail(pool, source, 5)
            harmless(str(refused.value))
            lines: list[str] = []
            async with aclosing(log_reading.follow(pool, source, 5)) as batches:
                async for batch in batches:
                    lines += batch
                    if len(lines) > 20:
                        break
            assert all(len(line) <= NEAR_LINE and not HARMFUL.search(line) for line in lines)
            talk = await pool.open(host, "anything", timeout_s=90)
            said = "" if b"\n" not in piece else "not tried: half a million short lines take long and show nothing more"
            while not said:
                try:
                    await talk.line()
                except DriverError as error:
                    said = str(error)
            harmless(said)
            talk.cut()
            await pool.aclose()
            assert flood.sent < BOUND_BYTES

    asyncio.run(main())


def test_what_a_command_prints_is_harmless_wherever_it_goes(tmp_path) -> None:
    async def say(process: asyncssh.SSHServerProcess) -> None:
        process.stdout.write(NASTY.encode() + b"\xff\xfe\xed\xa0\x80")
        process.stderr.write(NASTY.encode())

    async def main() -> None:
        async with World(tmp_path) as world:
            host = await hostile(world, say)
            pool = world.pool()
            result = await pool.run(host, f"echo {NASTY[:-1]}", timeout_s=90)
            harmless(plain(result.stdout))
            harmless(plain(result.stderr))
            source = LogSource("db1", host, "file", "/var/log/x", "the inventory")
            for line in await log_reading.read_tail(pool, source, 5):
                assert not HARMFUL.search(line)
                assert SECRET not in line
            for record in world.records:
                harmless(record.command)

    asyncio.run(main())


# --- HTTP -------------------------------------------------------------------------------------------------------------

JSON = b"HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
ANSWERS: dict[str, bytes] = {
    "escapes in a header": f"HTTP/1.1 200 OK\r\nX-PPS-Upstream: {' '.join(NASTY.split())}\r\n\r\n".encode(),
    "escapes in the reason": b"HTTP/1.1 500 \x1b]0;owned\x07[bold]\r\n\r\n",
    "an endless header": b"HTTP/1.1 200 OK\r\nX: " + b"y" * (4 * MEGABYTE),
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MEGABYTE,
    "an impossible status": b"HTTP/1.1 99999 OK\r\n\r\n",
    "no HTTP": NASTY.encode() * 100,
    "a length that is a lie": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n" + b"z" * MEGABYTE,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nzz",
    "chunks of nonsense": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\nzz",
    "JSON of another shape": JSON + b"[[[1]]]",
    "JSON with half characters": JSON + json.dumps({"error_description": f"\ud800 {NASTY}"}).encode(),
    "JSON that is deep": JSON + b"[" * 100_000,
    "a token that is a list": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b'{"access_token": [1]}',
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_web_server_says_is_bounded_and_harmless(name: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWERS[name])
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            seen = await look(url, timeout_s=60)
            for text in (seen.detail, *(word for header in seen.headers for word in header)):
                assert not HARMFUL.search(text)
                assert len(text) < 2000
            assert seen.tcp == "ok"
            assert seen.http_status is not None or seen.detail
            login = await log_in(url, "pps", SECRET, timeout_s=60)
            assert not login.is_in
            harmless(login.words)
            login.words.encode()

    asyncio.run(main())


# --- PostgreSQL, half of it -------------------------------------------------------------------------------------------


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def error(text: str) -> bytes:
    return message(b"E", b"SFATAL\0VFATAL\0CXX000\0M" + text.replace("\0", "").encode() + b"\0\0")


READY = message(b"R", struct.pack("!i", 0)) + b"".join(
    message(b"S", f"{name}\0{value}\0".encode())
    for name, value in (("server_version", "18.0"), ("client_encoding", "UTF8"), ("integer_datetimes", "on"))
)
READY += message(b"K", struct.pack("!ii", 1, 1)) + message(b"Z", b"I")
ROW = message(b"T", struct.pack("!h", 1) + b"x\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0))
TEXT = NASTY.replace("\0", "").encode()
DONE = message(b"C", b"SELECT 1\0") + message(b"Z", b"I")
TALKS: dict[str, tuple[bytes, bytes]] = {
    "closes at once": (b"", b""),
    "speaks something else": (b"SSH-2.0-x\r\n" + TEXT, b""),
    "refuses with escapes": (error(NASTY), b""),
    "tells of a password": (message(b"R", struct.pack("!i", 99)), b""),
    "floods with notices": (READY + message(b"N", b"SNOTICE\0C00000\0M" + TEXT * 100 + b"\0\0") * 2000, b""),
    "a length below zero": (READY, b"D" + struct.pack("!i", -5)),
    "a row of a gigabyte": (READY, b"D" + struct.pack("!i", (1 << 30) - 1) + b"x" * MEGABYTE),
    "one text for all": (READY, ROW + message(b"D", struct.pack("!hi", 1, len(TEXT)) + TEXT) + DONE),
    "no row": (READY, ROW + message(b"C", b"SELECT 0\0") + message(b"Z", b"I")),
    "an error with escapes": (READY, error(NASTY) + message(b"Z", b"I")),
}


LIMIT_S = {name: 5 if name == "a row of a gigabyte" else 60 for name in TALKS}
"""Of the one that never ends, only this ends it."""


@pytest.mark.parametrize("name", TALKS)
def test_what_a_database_says_is_an_error_with_a_place(name: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, later = TALKS[name]
        try:
            size = struct.unpack("!i", await reader.readexactly(4))[0]
            code = struct.unpack("!i", (await reader.readexactly(size - 4))[:4])[0]
            if code in (80877103, 80877104):  # asks for TLS, or for GSS
                writer.write(b"N")
                size = struct.unpack("!i", await reader.readexactly(4))[0]
                await reader.readexactly(size - 4)
            writer.write(first)
            await writer.drain()
            while later and await reader.read(65536):
                writer.write(later)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, struct.error):
            pass
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        instance = Instance("db1", "db1", address="127.0.0.1", port=port)
        group = DatabaseGroup("postgres", "pps", {"db1": instance}, tls=DatabaseTls(mode="disable"))
        host = Host("db1", "a", "127.0.0.1")
        inventory = Inventory("x", Cluster("c", "lab"), {"a": Site("a")}, {"db1": host}, {}, replace(group, user="console"))
        records: list[str] = []
        pool = PostgresPool(inventory, SimpleNamespace(), SystemClock(), lambda record: records.append(record.command))
        async with server:
            try:
                with pytest.raises(DriverError) as caught:
                    await pool.status(instance, timeout_s=LIMIT_S[name])
                harmless(str(caught.value))
                assert caught.value.where == "db1"
                if name not in ("one text for all", "no row"):  # what acts asks for no shape
                    with pytest.raises(DriverError) as acted:
                        await pool.execute(instance, "SELECT 1", timeout_s=LIMIT_S[name])
                    harmless(str(acted.value))
                    assert acted.value.where == "db1"
            finally:
                await pool.aclose()

    masker.add(SECRET)
    asyncio.run(main())
