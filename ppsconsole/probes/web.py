"""The ladder for everything that speaks HTTPS: L1 TCP, L2 TLS, L3 HTTP; each step is a fact of its own.

One class serves web nodes (asked directly, behind their bastions) and the front (asked the way users do).
"""

from urllib.parse import urlsplit

from ppsconsole.clock import Clock
from ppsconsole.cluster.facts import Fact, node_subject
from ppsconsole.drivers.base import Endpoint, Shell
from ppsconsole.drivers.web import WebLook, look
from ppsconsole.inventory.model import Balancer, Host, Inventory, WebNode
from ppsconsole.masking import plain
from ppsconsole.probes.base import FAILURES, stamp, word_for, words_of

NAMES = ("tls", "http", "http_latency_s", "certificate_days", "certificate_names")
DAY_S = 86400.0


class WebProbe:
    """Looks at one URL.

    Args:
        inventory: Gives limits of time and freshness.
        name: The node that the facts are about.
        url: What is asked for.
        clock: Time.
        shell: Gives the way through bastions; None asks directly, as users do.
        host: Where `url` lives, for the way there.
        ca: PEM file that signs its certificate.
        server_name: The name that the certificate must cover.
        proof_header: Response header that names who answered.
        members: Web nodes by the address that `proof_header` gives.
    """

    def __init__(
        self,
        inventory: Inventory,
        name: str,
        url: str,
        clock: Clock,
        *,
        shell: Shell | None = None,
        host: Host | None = None,
        ca: str | None = None,
        server_name: str | None = None,
        proof_header: str | None = None,
        members: dict[str, str] | None = None,
    ) -> None:
        self._polling = inventory.polling
        self._name = name
        self._url = url
        self._clock = clock
        self._shell = shell
        self._host = host
        self._ca = ca
        self._server_name = server_name
        self._proof_header = proof_header
        self._members = members or {}

    @property
    def target(self) -> str:
        """The node's name."""
        return self._name

    @property
    def every_s(self) -> float:
        """Seconds between two looks."""
        return self._polling.every_s

    async def read(self) -> tuple[Fact, ...]:
        """Climb the ladder once; what was not reached is unknown and says which step failed."""
        polling = self._polling
        names = (*NAMES, "served_by") if self._proof_header else NAMES
        subject, source = node_subject(self._name), f"GET {self._url}"
        try:
            seen = await look(
                self._url,
                connect=await self._endpoint(),
                ca=self._ca,
                server_name=self._server_name,
                timeout_s=polling.timeout_s,
            )
            if seen.tcp == "ok" and seen.tls not in ("ok", "not-tried") and not seen.certificate_names:
                await self._explain()
        except FAILURES as error:
            made = stamp(self._clock, subject, source, polling.every_s, polling.fresh_for, polling.timeout_s)
            words = words_of(error)
            return (made.fact("tcp", word_for(error), words), *made.unknown(names, words))
        made = stamp(self._clock, subject, source, polling.every_s, polling.fresh_for, polling.timeout_s)
        detail = plain(seen.detail)
        facts = [made.fact("tcp", seen.tcp, "" if seen.tcp == "ok" else detail)]
        for name, value in self._values(seen).items():
            facts.append(made.fact(name, value, detail if value is None or name == "tls" else ""))
        return tuple(facts)

    def _values(self, seen: WebLook) -> dict[str, object]:
        ends_at = seen.certificate_ends_at
        values: dict[str, object] = {
            "tls": None if seen.tls == "not-tried" and seen.tcp != "ok" else seen.tls,
            "http": seen.http_status,
            "http_latency_s": None if seen.http_status is None else round(seen.http_s or 0.0, 4),
            "certificate_days": None if ends_at is None else round((ends_at - self._clock.now()) / DAY_S, 2),
            "certificate_names": seen.certificate_names or None,
        }
        if self._proof_header:
            values["served_by"] = self._served_by(seen)
        return values

    def _served_by(self, seen: WebLook) -> str | None:
        header = dict(seen.headers).get((self._proof_header or "").lower())
        if not header:
            return None
        # nginx lists every member that it tried, the last one answered.
        address = plain(header.replace(",", " ").replace(" : ", " ").split()[-1], 80)
        return self._members.get(address, address)

    async def _endpoint(self) -> Endpoint | None:
        if self._shell is None or self._host is None or not self._host.via:
            return None
        parts = urlsplit(self._url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return await self._shell.endpoint(self._host, parts.hostname or "", port, timeout_s=self._polling.timeout_s)

    async def _explain(self) -> None:
        """Raise the reason why a forwarded connection closed at once: behind a bastion a refusal looks like a bad handshake."""
        if self._shell is None or self._host is None or not self._host.via:
            return
        parts = urlsplit(self._url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        await self._shell.reach(self._host, parts.hostname or "", port, timeout_s=self._polling.timeout_s)


def web_node_probe(inventory: Inventory, web_node: WebNode, shell: Shell, clock: Clock) -> WebProbe:
    """Return the probe of a web node, asked directly and not through the balancer."""
    return WebProbe(
        inventory,
        web_node.name,
        web_node.url,
        clock,
        shell=shell,
        host=inventory.hosts.get(web_node.host),
        ca=web_node.ca,
        server_name=web_node.server_name,
    )


def front_probe(inventory: Inventory, balancer: Balancer, clock: Clock) -> WebProbe | None:
    """Return the probe of the front through `balancer`, the way users come; None when it has no address to ask."""
    address = inventory.front_address(balancer)
    if address is None or balancer.kind != "nginx":
        return None
    return WebProbe(
        inventory,
        balancer.name,
        address,
        clock,
        ca=inventory.cluster.ca,
        proof_header=balancer.proof_header,
        members=dict(balancer.members),
    )
