"""Finds out what an inventory should say: the hosts over SSH, the database in SQL, the web nodes over HTTPS. Changes nothing.

Host keys are strict here as everywhere: an unknown one is told with its fingerprint, and never trusted.
"""

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ppsconsole.clock import SystemClock
from ppsconsole.errors import UsageError
from ppsconsole.inventory.answers import ROUNDS, Answers, Login, Round, login
from ppsconsole.inventory.found import Found, FoundHost
from ppsconsole.inventory.kinds import NAME
from ppsconsole.inventory.model import Cluster, DatabaseGroup, Host, Inventory, Site, SshAccess
from ppsconsole.inventory.shapes import RESERVED
from ppsconsole.inventory.writing import local
from ppsconsole.probes.trials import Trials

if TYPE_CHECKING:
    from ppsconsole.drivers.ssh import SshPool

CONNECT_S = 8.0
"""For TCP, key exchange and login of one host: longer than the console's own limit, for this is asked once."""


class Discovery:
    """One look at what was named, round by round; keeps its connections until it is closed.

    Attributes:
        found: What is known by now.
        trials: What is tried.
    """

    def __init__(self, trials: Trials) -> None:
        self.found = Found()
        self.trials = trials
        self._ssh: SshPool | None = None
        self._hosts: dict[str, Host] = {}

    async def look(self, part: Round, answers: Answers) -> Found:
        """Look at what the answers of one round name, and return everything that is known now.

        Raises:
            UsageError: An answer names a host that is none of the cluster's; nothing was looked at.
        """
        if part == "hosts":
            await self.aclose()
            self._hosts = provisional_hosts(answers)
            self.found = Found(await self._look_at_hosts(answers))
        elif part == "database":
            from ppsconsole.probes.discover_database import look_at_database

            instances, strangers = await look_at_database(answers, self.found, self._hosts, self.ssh, self.trials)
            self.found = replace(self.found, instances=instances, strangers=strangers)
            # What is there without being asked for is the default of the next round.
            self.found = await self._look_at_webs(replace(answers, web=()))
        elif part == "web":
            self.found = await self._look_at_webs(answers)
        return self.found

    async def look_at_everything(self, answers: Answers) -> Found:
        """Look at all rounds, for those who said everything at once."""
        for part in ROUNDS:
            if part != "web" or answers.web:
                await self.look(part, answers)
        return self.found

    async def aclose(self) -> None:
        """Close all connections."""
        ssh, self._ssh = self._ssh, None
        if ssh is not None:
            await ssh.aclose()

    @property
    def ssh(self) -> "SshPool":
        """The connections to the hosts."""
        from ppsconsole.drivers.ssh import SshPool

        if self._ssh is None:
            self._ssh = SshPool(provisional(self._hosts), SystemClock(), lambda command: None)
        return self._ssh

    async def _look_at_hosts(self, answers: Answers) -> tuple[FoundHost, ...]:
        from ppsconsole.probes.discover_host import look_at_host

        bastions = [login(words) for words in answers.bastion]
        logins = [*bastions, *(login(words) for words in answers.ssh)]

        async def one(named: Login) -> FoundHost:
            host = self._hosts[named.place]
            first = FoundHost(named.place, named, host.via, is_bastion=named in bastions)
            way = f" through {' and '.join(host.via)}" if host.via else ""
            return await self.trials.watch(f"{named.place}{way}", look_at_host(first, host, self.ssh), _told)

        return with_names(await asyncio.gather(*(one(named) for named in logins)))

    async def _look_at_webs(self, answers: Answers) -> Found:
        from ppsconsole.probes.discover_web import look_at_webs

        webs = await look_at_webs(answers, self.found, self._hosts, self.ssh, self.trials)
        return replace(self.found, webs=webs)


def provisional_hosts(answers: Answers) -> dict[str, Host]:
    """Return the hosts as they can be logged in to, by their places: their own names are not known yet."""
    config = "" if answers.ssh_config == "none" else local(answers.ssh_config) if answers.ssh_config else None
    hosts: dict[str, Host] = {}
    chains: dict[str, tuple[str, ...]] = {}

    def host(named: Login) -> Host:
        access = SshAccess(
            user=named.user,
            port=named.port,
            key=local(answers.key) if answers.key else None,
            known_hosts=local(answers.known_hosts) if answers.known_hosts else None,
            config=config,
            connect_timeout_s=CONNECT_S,
        )
        return Host(named.place, named.site, named.address, via=chains.get(named.site, ()), ssh=access)

    for words in answers.bastion:
        named = login(words)
        hosts[named.place] = host(named)
        chains[named.site] = (*chains.get(named.site, ()), named.place)
    for words in answers.ssh:
        named = login(words)
        hosts[named.place] = host(named)
    return hosts


def provisional(hosts: dict[str, Host], database: DatabaseGroup | None = None) -> Inventory:
    """Return an inventory that the drivers can be made with."""
    sites = {host.site: Site(host.site) for host in hosts.values()}
    group = database or DatabaseGroup("postgres", "", {})
    return Inventory("", Cluster("not written yet"), sites, hosts, {}, group)


def with_names(hosts: list[FoundHost]) -> tuple[FoundHost, ...]:
    """Return the hosts called as they call themselves, where that can be a name and no other has it."""
    names: dict[str, str] = {}
    for host in hosts:
        own = host.hostname.partition(".")[0].lower()
        fitting = (
            own if re.fullmatch(NAME, own) and own not in RESERVED else re.sub("[^a-z0-9]+", "-", f"host-{host.name.lower()}")
        )
        name, number = fitting[:60], 2
        while name in names.values():
            name, number = f"{fitting[:56]}-{number}", number + 1
        names[host.name] = name
    return tuple(replace(each, name=names[each.name], via=tuple(names[way] for way in each.via)) for each in hosts)


def named_host(words: str, found: Found, flag: str) -> FoundHost:
    """Return the host that an answer means.

    Raises:
        UsageError: It is none of those that were named.
    """
    host = found.host(words)
    if host is None:
        known = ", ".join(f"{each.name} ({each.login.address})" for each in found.hosts)
        raise UsageError(f"{flag}: {words} is none of the hosts", remedy=f"They are: {known}. Add it with --ssh")
    return host


def _told(host: FoundHost) -> str:
    if host.trouble:
        return f"NOT REACHED: {host.trouble}"
    services = {
        "PostgreSQL": host.database_service or host.postgres_programs.get(""),
        "nginx": host.front,
        "PPS": host.web_service or host.connection_program,
    }
    running = [name for name, sign in services.items() if sign]
    return f"answers as {host.hostname}, {host.system}" + (f"; signs of {' and '.join(running)}" if running else "")
