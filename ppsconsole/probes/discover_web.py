"""Finds the web nodes: those named, those with signs of PPS on their host, members of the balancer; asks each over HTTPS."""

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

from ppsconsole.drivers.ssh import SshPool
from ppsconsole.drivers.web import WebLook, look
from ppsconsole.errors import DriverError
from ppsconsole.inventory.answers import Answers, place
from ppsconsole.inventory.found import Found, FoundHost, FoundWeb
from ppsconsole.inventory.model import Host
from ppsconsole.inventory.writing import local, url_of
from ppsconsole.masking import plain
from ppsconsole.probes.discover import named_host
from ppsconsole.probes.trials import Trials

PORT = 10001
"""Of a new installation of PPS (`knowledge: pps`)."""
LOOK_S = 8.0


async def look_at_webs(
    answers: Answers, found: Found, hosts: dict[str, Host], ssh: SshPool, trials: Trials
) -> tuple[FoundWeb, ...]:
    """Return the web nodes, in the order in which their hosts were named.

    Raises:
        UsageError: One that was named is on none of the hosts.
    """
    ports = _ports(answers, found)
    waiting = {name for name, is_waiting in _members(found).items() if is_waiting}

    async def one(host: FoundHost) -> FoundWeb:
        first = FoundWeb(host.name, ports[host.name][0], host.name in waiting, trouble=found.obstacle(host))
        work = _ask(host, ports[host.name], hosts[host.login.place], answers, ssh, first)
        return await trials.watch(f"web node on {host.name}", work, lambda web: web.trouble or f"answers at port {web.port}")

    return tuple(await asyncio.gather(*(one(host) for host in found.hosts if host.name in ports)))


def _ports(answers: Answers, found: Found) -> dict[str, list[int]]:
    """Return the ports to try by the name of the host, the likeliest first."""
    ports: dict[str, list[int]] = {}
    for words in answers.web:
        address, port = place(words, 0)
        ports[named_host(address, found, "--web").name] = [port] if port else []
    for host in found.hosts:
        if host.name in ports:
            continue
        is_likely = host.connection_program or host.name in _members(found)
        is_likely = is_likely or (host.web_service is not None and host.platform == "linux")
        if not answers.web and is_likely:
            ports[host.name] = []
    for name, known in ports.items():
        if not known:
            known.extend(dict.fromkeys((PORT, *_member_ports(name, found))))
    return ports


def _members(found: Found) -> dict[str, bool]:
    """Return whether the balancer sends it no requests, by the name of the host."""
    return {
        host.name: member.is_waiting
        for front in found.hosts
        if front.front is not None
        for members in front.front.upstreams.values()
        for member in members
        if (host := found.host(member.address.rpartition(":")[0].strip("[]"))) is not None and host.name != front.name
    }


def _member_ports(name: str, found: Found) -> list[int]:
    addresses = [
        member.address
        for front in found.hosts
        if front.front is not None
        for members in front.front.upstreams.values()
        for member in members
    ]
    parted = [address.rpartition(":") for address in addresses]
    return [
        int(port)
        for address, _, port in parted
        if port.isdigit() and 0 < int(port) < 65536 and found.host(address.strip("[]")) == found.named(name)
    ]


async def _ask(host: FoundHost, ports: list[int], way: Host, answers: Answers, ssh: SshPool, first: FoundWeb) -> FoundWeb:
    if first.trouble:
        return replace(first, trouble=f"NOT REACHED: {first.trouble}")
    trouble = "NOT REACHED"
    for port in ports:
        web = replace(first, port=port)
        try:
            await ssh.reach(way, way.address, port, timeout_s=LOOK_S)
            connect = await ssh.endpoint(way, way.address, port, timeout_s=LOOK_S) if way.via else None
            seen = await look(url_of(web, host), connect=connect, ca=local(answers.ca) if answers.ca else None, timeout_s=LOOK_S)
        except DriverError as error:
            trouble = f"NOT REACHED: {plain(str(error), 300)}"
            continue
        return replace(web, server_name=_server_name(seen, answers), trouble=_trouble(seen))
    return replace(first, trouble=trouble)


def _server_name(seen: WebLook, answers: Answers) -> str:
    """Return a name to check the certificate for where it does not cover the address: the front's own one if it can be."""
    if seen.tls != "wrong-name":
        return ""
    front = urlsplit(answers.front).hostname or ""
    names = [name for name in seen.certificate_names if "*" not in name]
    return front if front in names else next(iter(names), "")


def _trouble(seen: WebLook) -> str:
    if seen.tls == "wrong-name" and seen.certificate_names:
        return ""
    if seen.tls not in ("ok", "not-tried"):
        return plain(f"its certificate was not accepted: {seen.detail}", 300)
    return "" if seen.http_status is not None else plain(seen.detail, 300)
