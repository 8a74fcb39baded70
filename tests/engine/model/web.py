"""The double of looking at web servers: a web node by its own URL, the front by the users' address; logins as well."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ppsconsole.drivers.web import WebLook
from ppsconsole.errors import DriverError
from ppsconsole.inventory.model import Host
from tests.engine.model.databases import UnknownToModel
from tests.engine.model.ways import Ways, loud, now
from tests.engine.model.world import World

DAY_S = 86400.0


def looker(world: World, ways: Callable[[], Ways]) -> Callable[..., Any]:
    """Return what stands in for `drivers.web.look`."""
    inventory = world.inventory
    web_nodes = {node.url: name for name, node in inventory.web_nodes.items()}
    fronts = {inventory.front_address(each): name for name, each in inventory.balancers.items()}

    @loud
    async def look(url: str, *, path: str = "/", form: bytes | None = None, **options: Any) -> WebLook:
        balancer = fronts.get(url)
        name = web_nodes.get(url) if balancer is None else balancer
        host = None if name is None else inventory.host_of(name)
        if name is None or host is None:
            raise UnknownToModel(f"nobody in the model answers at {url}")
        seen = await _look(world, ways(), name, host, balancer is not None)
        if form is not None and seen.http_status == 200:
            return WebLook(tcp="ok", tls="ok", http_status=200, body=b'{"access_token": "a"}')
        return seen

    return look


async def _look(world: World, ways: Ways, name: str, host: Host, is_front: bool) -> WebLook:
    try:
        await ways.to(replace(host, via=()) if is_front else host, 4.0)
    except DriverError as error:
        return WebLook(tcp="timed-out", detail=error.what)
    if world.service_of(name).state == "frozen":
        await asyncio.sleep(4.0)
        world.advance(now())
        return WebLook(tcp="ok", tls="timed-out", detail="no TLS handshake")
    status, address = world.front(name) if is_front else (world.web_status(name), "")
    if status is None:
        return WebLook(tcp="refused", detail="connection refused")
    headers: tuple[tuple[str, str], ...] = ()
    if is_front and (header := world.inventory.balancers[name].proof_header):
        headers = ((header.lower(), address),)
    return WebLook("ok", "ok", status, 0.001, 0.002, 0.003, now() + 80 * DAY_S, ("pps",), headers)
