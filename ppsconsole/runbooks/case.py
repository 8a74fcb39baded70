"""What preflight looks at: the plan's cast in one value."""

from collections.abc import Mapping
from dataclasses import dataclass

from ppsconsole.clock import duration
from ppsconsole.cluster.judging import age
from ppsconsole.cluster.snapshot import Edge, Node, Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.remedies import LOOK_AGAIN
from ppsconsole.runbooks.request import Request
from ppsconsole.runbooks.web_side import WebSide


@dataclass(frozen=True, slots=True)
class Case:
    """Who takes part in a promotion.

    Attributes:
        old: The primary that stops being one; alive in a switchover, dead in a failover.
        new: The standby that becomes the primary.
    """

    inventory: Inventory
    snapshot: Snapshot
    background: Background
    old: Node
    new: Node
    side: WebSide
    request: Request

    @property
    def stream(self) -> Edge | None:
        """The replication that leads to the new primary, None when none was seen."""
        return next((each for each in self.snapshot.edges if each.kind == "replication" and each.target == self.new.name), None)

    @property
    def acting(self) -> tuple[str, ...]:
        """The nodes whose hosts have to act, in the order of the topology."""
        return (*self.inventory.balancers, *self.side.serving, *self.side.aside, self.old.name, self.new.name)


def settings_of(node: Node) -> dict[str, str]:
    """Return the settings of an instance by name; empty when they were not seen."""
    return dict(each.split("=", 1) for each in node.value("settings") or ())


def ok(name: str, words: str, *, is_blocking: bool = False) -> Item:
    """Return an item that is as it should be."""
    return Item(name, "ok", words, "", is_blocking)


def failing(name: str, words: str, remedy: str, *, is_blocking: bool = False) -> Item:
    """Return an item that is not as it should be."""
    return Item(name, "failing", words, remedy, is_blocking)


def unseen(name: str, words: str, remedy: str = LOOK_AGAIN, *, is_blocking: bool = False) -> Item:
    """Return an item that nobody could look at: never `ok`."""
    return Item(name, "not checked", words, remedy, is_blocking)


def tolerances_of(case: Case) -> Mapping[str, str]:
    """Return what was seen and may move: listed beside the plan's hash, looked at again by the steps that rely on it."""
    stream = case.stream
    lag_bytes = "unknown" if stream is None or stream.lag_bytes is None else f"{stream.lag_bytes} bytes"
    lag_s = "unknown" if stream is None or stream.lag_s is None else duration(stream.lag_s)
    return {
        "lag": lag_bytes,
        "lag as time": lag_s,
        f"position of {case.old.name}": str(case.old.value("lsn") or case.old.value("control_checkpoint") or "unknown"),
        f"position of {case.new.name}": str(case.new.value("lsn") or "unknown"),
        "age of the last backup": _backup_said(case),
    }


def _backup_said(case: Case) -> str:
    """Return how old the newest of all backups is, as far as anybody looked."""
    ages = [case.snapshot.value(f"{name}.backup_age_s") for name in case.inventory.backups]
    known = [each for each in ages if each is not None]
    return age(min(known)) if known else "not looked at"
