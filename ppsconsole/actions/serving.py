"""Does a node answer, as those who use it would see it: a page, a login to the database, a request through the front."""

from dataclasses import dataclass

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.places import balancer_of, instance_of, web_node_of
from ppsconsole.actions.standing import standing
from ppsconsole.errors import Blocked, DriverError
from ppsconsole.probes.web import front_probe, web_node_probe

SERVING = range(200, 400)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one GET.

    Attributes:
        tcp: `ok`, or what became of the connection: `refused`, `timed-out`, ...
        status: HTTP status, None without an answer in HTTP.
        served_by: The web node that the balancer names, its address when that is not a declared member, None when none is.
    """

    tcp: str
    status: int | None
    served_by: str | None
    detail: str

    @property
    def is_serving(self) -> bool:
        """Whether a user would get a page."""
        return self.status in SERVING

    @property
    def words(self) -> str:
        """What came back, in words."""
        if self.status is not None:
            return f"HTTP {self.status}" + (f" from {self.served_by}" if self.served_by else "")
        if self.tcp == "ok":  # TLS was refused, or nothing came back in HTTP
            return f"no page: {self.detail}" if self.detail else "no page"
        return f"{self.tcp}: {self.detail}" if self.detail else str(self.tcp)


async def asked(bench: Workbench, node: str) -> Answer:
    """Return what `node` answers: a web node or an alternate server asked directly, a balancer as users ask it.

    Raises:
        Blocked: A balancer in front of which no address is declared.
    """
    alternate = bench.inventory.alternates.get(node)
    if alternate is not None:
        probe = web_node_probe(bench.inventory, alternate.as_web_node(), bench.tools.ssh, bench.clock)
    elif node in bench.inventory.web_nodes:
        probe = web_node_probe(bench.inventory, web_node_of(bench.inventory, node), bench.tools.ssh, bench.clock)
    else:
        front = front_probe(bench.inventory, balancer_of(bench.inventory, node), bench.clock)
        if front is None:
            raise Blocked("no cluster.address is declared, so nobody knows where users come in", where=node)
        probe = front
    facts = {fact.name: fact for fact in await probe.read()}
    http, by = facts.get("http"), facts.get("served_by")
    return Answer(
        str(facts["tcp"].value),
        int(http.value) if http is not None and http.value is not None else None,
        str(by.value) if by is not None and by.value is not None else None,
        facts["tcp"].detail or (http.detail if http is not None else ""),
    )


async def answers(bench: Workbench, node: str) -> Finding:
    """Return whether `node` answers those who use it."""
    if node in bench.inventory.database.instances:
        instance_of(bench.inventory, node)
        try:
            found = await standing(bench, node)
        except DriverError as error:
            return Finding("no", str(error))
        values = {"role": found.role, "timeline": found.timeline}
        return Finding("yes", f"{node} runs as {found.role} on timeline {found.timeline}", values)
    if node in bench.inventory.balancers:
        # Whom it sends them to is another question: the port is what the service is about.
        answer = await asked(bench, node)
        return Finding("yes" if answer.status is not None else "no", f"{node}: {answer.words}")
    answer = await asked(bench, node)
    return Finding("yes" if answer.is_serving else "no", f"{node}: {answer.words}")
