"""What the operator asks for, and whether that names things that exist."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory


@dataclass(frozen=True, slots=True)
class Request:
    """One wish for a plan.

    Attributes:
        runbook: `switchover`, `failover`, `restart`.
        node: The node acted on; empty where the runbook takes none.
        to: The instance that is to become primary; empty leaves the choice to the runbook where there is only one good one.
        attest: What the operator states to have done or seen himself; empty when nothing.
        reason: Why it is done; for the journal.
        fence: The rung of the fencing ladder to take; empty takes the best that the facts allow.
        way: Of a rejoin: `follow`, `rewind` or `re-clone`; empty takes the cheapest that the facts allow.
        path: What to delete of what was set aside on a host.
        bundle: Which bundle an alternate server is to serve from; empty takes the newest.
        insist: The preflight item that is overridden, of those that may be (`items_tried.INSISTED`); empty for none.
    """

    runbook: str
    node: str = ""
    to: str = ""
    attest: str = ""
    reason: str = ""
    fence: str = ""
    way: str = ""
    path: str = ""
    bundle: str = ""
    insist: str = ""


def known(word: str, names: Iterable[str], kind: str) -> str:
    """Return `word` when it is one of `names`.

    Args:
        word: As typed.
        names: What there is.
        kind: What such a name stands for: `node`, `database instance`, `runbook`.

    Raises:
        UsageError: It is none of them; the remedy names the nearest one and all that there are.
    """
    allowed = list(names)
    if word in allowed:
        return word
    close = difflib.get_close_matches(word[:80], allowed, 1)
    hint = f"Did you mean {close[0]}? " if close else ""
    raise UsageError(f"no {kind} is called {word[:80]!r}", remedy=f"{hint}There are: {', '.join(allowed)}")


def wanted_node(request: Request, names: Iterable[str], kind: str, who: str = "") -> str:
    """Return the NODE that is acted on.

    Args:
        request: What the operator asks for.
        names: What there is.
        kind: What such a name stands for, see `known`.
        who: Which one it has to be, where the runbook's name does not say it.

    Raises:
        UsageError: None was named, or what is named is none of them.
    """
    allowed = list(names)
    if not request.node:
        meant = f": {who}" if who else ""
        raise UsageError(f"{request.runbook} needs a NODE{meant}", remedy=f"One of: {', '.join(allowed)}")
    return known(request.node, allowed, kind)


def without_node(request: Request) -> None:
    """Refuse a NODE where the runbook takes none.

    Raises:
        UsageError: There is one.
    """
    if request.node:
        what = f"{request.runbook} takes no NODE, and {request.node!r} was given"
        raise UsageError(what, remedy=f"Say which instance becomes primary: {request.runbook} --to {request.node}")


def without_to(request: Request) -> None:
    """Refuse `--to` where nothing changes its role.

    Raises:
        UsageError: There is one.
    """
    if request.to:
        what = f"{request.runbook} changes no role, and --to {request.to} was given"
        raise UsageError(what, remedy=f"Leave --to out, or say switchover --to {request.to}")


def named_instance(inventory: Inventory, word: str) -> str:
    """Return `word` when it is a database instance; see `known` for what it raises."""
    return known(word, inventory.database.instances, "database instance")


def wanted_instance(inventory: Inventory, request: Request, who: str = "") -> str:
    """Return the NODE that is acted on, which is a database instance; see `wanted_node` for `who` and what it raises."""
    return wanted_node(request, inventory.database.instances, "database instance", who)
