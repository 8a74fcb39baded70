"""The SSH server of a lab's host, by itself: no cluster around it."""

import asyncio
import gc
import warnings
from pathlib import Path

import asyncssh

from ppsconsole.lab.account import service_account
from ppsconsole.lab.children import Children
from ppsconsole.lab.layout import LabHost, free_port
from ppsconsole.lab.sshd import LOGIN, HostServer, make_key

ORIGIN, ADDRESS = "127.9.9.8", "127.9.9.9"


def test_commands_leave_nothing_unawaited() -> None:
    """Each forgotten clean-up would be a warning in lab.log."""

    async def main() -> None:
        key = make_key()
        host = LabHost("web1", "a", ADDRESS, Path("/"), {"ssh": free_port(ADDRESS, 2222)})
        server = HostServer(
            host,
            origin=ORIGIN,
            host_key=make_key(),
            client_key=key,
            forward=lambda _address, _port: None,
            children=Children(),
            account=service_account(),
            env={"PATH": "/usr/bin:/bin"},
        )
        await server.start()
        async with asyncssh.connect(
            ADDRESS, host.ports["ssh"], local_addr=(ORIGIN, 0), username=LOGIN, client_keys=[key], known_hosts=None, config=None
        ) as connection:
            echoed = await connection.run("cat", input="through")
            left = await connection.run("exit 7")
        server.stop()
        assert echoed.stdout == "through"
        assert left.exit_status == 7

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asyncio.run(asyncio.wait_for(main(), 120))
        gc.collect()
    assert [str(each.message) for each in told if "never awaited" in str(each.message)] == []
