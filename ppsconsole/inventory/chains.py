"""Bastion chains: written out in full, from the outermost to the host; what leads back to itself is refused."""

import dataclasses
from collections.abc import Mapping

from ppsconsole.inventory.model import Host
from ppsconsole.inventory.reading import Reading

LONGEST = 8
"""Bastions in one chain; each one adds a connection inside a connection."""


def resolve_chains(hosts: Mapping[str, Host], reading: Reading) -> Mapping[str, Host]:
    """Return the hosts with their whole chain in `via`.

    What a host names is its own way, outermost first; how the first of those bastions is reached is that one's own
    matter, so its chain goes in front. Bastions that are not declared end a chain: their mistake is noted elsewhere.
    """
    chains = _Chains(hosts, reading)
    resolved = {}
    for name, host in hosts.items():
        chain = chains.of(name)
        resolved[name] = host if chain == host.via else dataclasses.replace(host, via=chain)
    return resolved


class _Chains:
    def __init__(self, hosts: Mapping[str, Host], reading: Reading) -> None:
        self._hosts = hosts
        self._reading = reading
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, name: str) -> tuple[str, ...]:
        """Return the chain of the host called `name`, the outermost bastion first."""
        way = [name]
        while way[-1] not in self._known:
            host = self._hosts.get(way[-1])
            if host is None or not host.via:
                self._known[way[-1]] = ()
            elif host.via[0] in way:
                self._refuse_cycle(way[way.index(host.via[0]) :])
                self._known[way[-1]] = ()
            else:
                way.append(host.via[0])
        for each in reversed(way[:-1]):
            via = self._hosts[each].via
            self._known[each] = chain = (*self._known[via[0]], *via)
            self._check(each, chain)
        return self._known[name]

    def _refuse_cycle(self, cycle: list[str]) -> None:
        # Told once, at the host of the cycle that stands first in the file.
        order = list(self._hosts)
        start = min(range(len(cycle)), key=lambda at: order.index(cycle[at]))
        turned = [*cycle[start:], *cycle[:start]]
        what = "the bastion chain leads back to itself: " + " via ".join([*turned, turned[0]])
        allowed = "one of these hosts has to be reached directly: remove its `via`"
        self._reading.refuse_at(("hosts", turned[0], "via"), what, allowed)

    def _check(self, name: str, chain: tuple[str, ...]) -> None:
        words = ", ".join(chain)
        if name in chain or len(set(chain)) < len(chain):
            twice = name if name in chain else next(each for each in chain if chain.count(each) > 1)
            what = f"the bastion chain passes {twice} twice: {words}, {name}"
            self._reading.refuse_at(("hosts", name, "via"), what, "name each bastion once, the outermost first")
        elif len(chain) > LONGEST:
            what = f"a chain of {len(chain)} bastions: {words}"
            self._reading.refuse_at(("hosts", name, "via"), what, f"at most {LONGEST} are allowed")
