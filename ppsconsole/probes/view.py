"""Reading facts while judging: what may be believed now, by node and by host. Pure."""

from typing import Any

from ppsconsole.cluster.facts import CLUSTER_SUBJECT, Fact, Observations, backup_subject, host_subject, node_subject
from ppsconsole.cluster.verdicts import Judgement, Verdict, worst
from ppsconsole.inventory.model import Inventory
from ppsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """Everything that judges look at.

    Attributes:
        now: The moment that staleness is judged from, seconds since 1970 UTC.
    """

    inventory: Inventory
    seen: Observations
    now: float

    def fact(self, node: str, name: str) -> Fact:
        """Return a fact about a node; unknown when unseen or stale."""
        return self.seen.get(node_subject(node), name, self.now)

    def value(self, node: str, name: str) -> Any:
        """Return a node's value, None when unknown."""
        return self.fact(node, name).value

    def host_fact(self, host: str, name: str) -> Fact:
        """Return a fact about a host."""
        return self.seen.get(host_subject(host), name, self.now)

    def hidden_by(self, host: str) -> str | None:
        """Return the bastion that hides `host` from the console because it cannot be logged in to; None when none does."""
        for bastion in self.inventory.hosts[host].via:
            if self.host_fact(bastion, "ssh").value not in (None, "ok"):
                return bastion
        return None

    def cluster_fact(self, name: str) -> Fact:
        """Return a fact about the service as a whole."""
        return self.seen.get(CLUSTER_SUBJECT, name, self.now)

    def backup_fact(self, backup: str, name: str) -> Fact:
        """Return a fact about a place with backups."""
        return self.seen.get(backup_subject(backup), name, self.now)

    def loose_facts(self) -> dict[str, Fact]:
        """Return the facts that belong to no node: those of the service, and of places with backups as `PLACE.NAME`."""
        found = self.seen.of(CLUSTER_SUBJECT, self.now)
        for backup in self.inventory.backups:
            found |= {f"{backup}.{name}": fact for name, fact in self.seen.of(backup_subject(backup), self.now).items()}
        return found

    def facts_of(self, node: str) -> dict[str, Fact]:
        """Return the facts of a node, those of its host with the prefix `host.`."""
        facts = self.seen.of(node_subject(node), self.now)
        host = self.inventory.host_of(node)
        if host is not None:
            own = self.seen.of(host_subject(host.name), self.now)
            facts |= {f"host.{name}": fact for name, fact in own.items()}
        return facts

    def was_logged_in_to(self, host: str) -> bool:
        """Return whether anybody ever tried to log in to `host`; before that nothing is said against it."""
        return self.seen.last(host_subject(host), "ssh") is not None

    def was_seen(self, node: str, name: str) -> bool:
        """Return whether anybody ever tried to see this fact."""
        return self.seen.last(node_subject(node), name) is not None


NOT_SEEN_YET = "not seen yet"
"""What is said of something before the first look at it has ended: neither that it fails nor that it was forgotten."""


def unseen(view: View, node: str, names: tuple[str, ...]) -> list[Judgement]:
    """Return a judgement for each fact that was looked for and is unknown: what is not seen is not ok.

    A host that cannot be logged in to is told once, by its login; what it would have said is not repeated.
    """
    host = view.inventory.host_of(node)
    is_hidden = host is not None and view.host_fact(host.name, "ssh").value != "ok"
    found = []
    for name in names:
        fact = view.fact(node, name)
        if not fact.is_known and view.was_seen(node, name) and not (is_hidden and "over SSH" in fact.source):
            found.append(Judgement(node, name, Verdict.UNKNOWN, f"{name} not seen: {fact.detail or 'no answer'}"))
    return found


def settle(judgements: list[Judgement]) -> tuple[Verdict, tuple[Judgement, ...]]:
    """Return the loudest verdict and the judgements, loudest first."""
    verdict = worst((each.verdict for each in judgements), Verdict.UNKNOWN)
    order = [Verdict.DOWN, Verdict.WARN, Verdict.UNKNOWN, Verdict.OK, Verdict.OFF]
    return verdict, tuple(sorted(judgements, key=lambda each: order.index(each.verdict)))
