"""Whether the parts of a lab do their work: asked of the servers themselves."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

import psycopg

from ppsconsole.lab.layout import LabHost, LabNode, Layout
from ppsconsole.lab.postgres import KEEPER_ROLE, claims_primary

_LOOK_S = 3.0


class Physician:
    """Looks at nodes.

    Attributes:
        layout: What there is.
    """

    def __init__(self, layout: Layout, *, keeper_password: str, authority: str) -> None:
        self.layout = layout
        self._password = keeper_password
        self._tls = ssl.create_default_context(cadata=authority)

    async def complaint(self, node: LabNode) -> str:
        """Return what is wrong with `node` in a few words, the empty string when it does its work."""
        host = self.layout.hosts[node.host]
        looks: dict[str, Callable[[LabHost], Awaitable[str]]] = {
            "db": self._database,
            "pps": self._web,
            "nginx": self._web,
            "ssh": self._login,
        }
        try:
            async with asyncio.timeout(_LOOK_S):
                return await looks[node.service](host)
        except TimeoutError:
            return "does not answer"
        except (OSError, psycopg.Error) as error:
            return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

    async def _database(self, host: LabHost) -> str:
        if claims_primary(host):
            await self._ask(host, "SELECT 1")
            return ""
        rows = await self._ask(host, "SELECT status FROM pg_stat_wal_receiver")
        return "" if rows == [("streaming",)] else "receives nothing from a primary"

    async def _ask(self, host: LabHost, query: str) -> list[tuple[object, ...]]:
        async with await psycopg.AsyncConnection.connect(
            host=host.address,
            port=host.ports["db"],
            user=KEEPER_ROLE,
            password=self._password,
            dbname="postgres",
            application_name="ppsconsole-lab",
            connect_timeout=3,
            sslmode="disable",
            autocommit=True,
        ) as connection:
            cursor = await connection.execute(query.encode())
            return await cursor.fetchall()

    async def _web(self, host: LabHost) -> str:
        port = host.ports.get("nginx") or host.ports["pps"]
        reader, writer = await asyncio.open_connection(host.address, port, ssl=self._tls, server_hostname="pps.lab")
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: pps.lab\r\nConnection: close\r\n\r\n")
            words = (await reader.readline()).decode("ascii", "replace").split()
        finally:
            writer.transport.abort()
        if len(words) < 2 or not words[1].isdigit():
            return "answers no HTTP"
        return f"answers {words[1]}" if int(words[1]) >= 500 else ""

    async def _login(self, host: LabHost) -> str:
        reader, writer = await asyncio.open_connection(host.address, host.ports["ssh"])
        # Only its bastion may come in, so the server hangs up: that it does shows that it is there.
        with contextlib.suppress(OSError):
            await reader.read(1)
        writer.close()
        return ""
