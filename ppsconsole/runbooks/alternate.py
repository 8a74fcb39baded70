"""What preparing and activating an alternate server have in common: which one, which copy, and the steps that put it there."""

from dataclasses import dataclass, replace

from ppsconsole.actions.alternate_database import archival_name
from ppsconsole.clock import iso
from ppsconsole.cluster.bundles import bundle_name
from ppsconsole.cluster.copies import Copy, Offered, best_copy, best_offer
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.errors import UsageError
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background, Shop
from ppsconsole.runbooks.request import Request, wanted_node, without_to

RUNS = ("running", "starting", "frozen")


@dataclass(frozen=True, slots=True)
class Source:
    """What an alternate server is to serve from.

    Attributes:
        bundle: Name of the bundle.
        taken_at: When its snapshot of the database was taken, seconds since 1970 UTC.
        version: Of the PPS that wrote it; empty where nobody could tell.
        prepared: The copy of it that the alternate server holds already; None where it is restored first.
    """

    bundle: str
    taken_at: float
    version: str
    prepared: Copy | None = None

    def database(self, alternate: Alternate) -> str:
        """Return the name of the database that holds it, or will."""
        return self.prepared.database if self.prepared else archival_name(alternate.database.database, self.taken_at)

    def said(self) -> str:
        """Return which one it is, and of when."""
        return f"{self.bundle}, taken {iso(self.taken_at)}"


@dataclass(frozen=True, slots=True)
class Shelved:
    """A bundle that a plan found.

    Attributes:
        is_taken: The plan is made with it.
        is_possible: Another plan could be made with it; `words` say why not.
    """

    bundle: str
    words: str
    is_taken: bool = False
    is_possible: bool = True


_SHELF, _TAKEN, _BARRED = "bundle ", "planned; ", "not possible: "
_SHELF_LENGTH = 20
"""How many bundles a plan lists, the newest ones: an archive of years is for `backup list`."""


def shelf_said(inventory: Inventory, alternate: Alternate, node: Node, background: Background, source: Source) -> dict[str, str]:
    """Return the newest bundles that an alternate server could serve from, each with what speaks for or against it."""
    own = {each.bundle: each for each in copies_beside(alternate, node) if each.is_verified}
    found: dict[str, tuple[float, str]] = {}
    for copy in own.values():
        if copy.cluster == inventory.cluster.name:
            found[copy.bundle] = (copy.taken_at, f"taken {iso(copy.taken_at)}, {alternate.name} holds it verified")
    for each in background.offered or ():
        lack = each.trouble or ("" if each.cluster == inventory.cluster.name else f"it is of cluster {each.cluster}")
        if each.bundle and each.bundle not in found:
            found[each.bundle] = (each.taken_at, f"{_BARRED}{lack}" if lack else f"taken {iso(each.taken_at)}")
    newest = sorted(found, key=lambda name: found[name][0], reverse=True)[:_SHELF_LENGTH]
    return {f"{_SHELF}{name}": (_TAKEN if name == source.bundle else "") + found[name][1] for name in newest}


def shelved(plan: Plan) -> tuple[Shelved, ...]:
    """Return the bundles that a plan could be made with, the newest first; none where it is made with none."""
    found: list[Shelved] = []
    for name, words in plan.tolerances.items():
        if name.startswith(_SHELF):
            is_taken, said = words.startswith(_TAKEN), words.removeprefix(_TAKEN)
            is_possible = not said.startswith(_BARRED)
            found.append(Shelved(name.removeprefix(_SHELF), said.removeprefix(_BARRED), is_taken, is_possible))
    return tuple(found)


def wanted_alternate(inventory: Inventory, snapshot: Snapshot, request: Request) -> tuple[Alternate, Node]:
    """Return the alternate server that `request` names, as declared and as seen.

    Raises:
        UsageError: None is named, or none of that name is declared.
        Barred: Its host cannot be logged in to.
    """
    without_to(request)
    if not inventory.alternates:
        raise UsageError("no alternate server is declared", remedy="Declare one under `alternates`: ppsconsole inventory schema")
    alternate = inventory.alternates[wanted_node(request, inventory.alternates, "alternate server", "the alternate server")]
    node = snapshot.node(alternate.name)
    seen = None if node is None else node.value("host.ssh")
    if node is None or seen != "ok":
        what = f"the host of {alternate.name} cannot be logged in to ({seen or 'not seen'})"
        raise Barred("host-unreachable", what, where=alternate.name, remedy="Repair the way to it, or use another server")
    return alternate, node


def copies_beside(alternate: Alternate, node: Node) -> tuple[Copy, ...]:
    """Return the copies that the alternate server holds beside the database that its PPS is set to."""
    found: tuple[Copy, ...] = node.value("copies") or ()
    return tuple(each for each in found if each.database != alternate.database.database)


def source_of(
    inventory: Inventory,
    snapshot: Snapshot,
    alternate: Alternate,
    node: Node,
    background: Background,
    bundle: str,
    *,
    may_be_prepared: bool,
) -> Source:
    """Return what is to be served from: the bundle that is wanted, else the newest that there is.

    Args:
        inventory: What was declared.
        snapshot: The world now.
        alternate: The alternate server.
        node: As it was seen.
        background: Knows what is in its archive.
        bundle: The one that is wanted; empty for the newest.
        may_be_prepared: A copy that was restored before does; otherwise only what the archive has.

    Raises:
        Barred: There is none.
    """
    cluster = inventory.cluster.name
    copy = best_copy(copies_beside(alternate, node), cluster, bundle) if may_be_prepared else None
    offered = background.offered if background.offered is not None else _seen_in_archive(inventory, snapshot, alternate)
    offer = best_offer(offered or (), cluster, bundle)
    if copy is not None and (offer is None or copy.taken_at >= offer.taken_at):
        return Source(copy.bundle, copy.taken_at, copy.pps_version, copy)
    if offer is not None:
        return Source(offer.bundle, offer.taken_at, offer.pps_version)
    raise _nothing(inventory, alternate, offered, bundle, may_be_prepared=may_be_prepared)


def _seen_in_archive(inventory: Inventory, snapshot: Snapshot, alternate: Alternate) -> tuple[Offered, ...] | None:
    """Return the newest bundle as the look at backups tells it: enough to weigh a way by before its manifest was read."""
    name, age_s = (snapshot.value(f"{alternate.archive}.{fact}") for fact in ("backup_file", "backup_age_s"))
    if name is None or age_s is None or bundle_name(str(name)) is None:
        return None
    return (Offered(str(name), inventory.cluster.name, snapshot.at - float(age_s)),)


def _nothing(
    inventory: Inventory, alternate: Alternate, offered: tuple[Offered, ...] | None, bundle: str, *, may_be_prepared: bool
) -> Barred:
    place = f"{alternate.archive} ({inventory.backups[alternate.archive].host or 'this machine'})"
    held = f"{alternate.name} holds no verified copy, and " if may_be_prepared else ""
    which = f"no bundle called {bundle}" if bundle else "no bundle of this cluster"
    if offered is None:
        what = f"{held}nobody has looked into its archive {place} yet"
        return Barred("archive-unseen", what, where=alternate.name, remedy="Plan it: that looks into the archive")
    unseen = next((each.trouble for each in offered if not each.bundle), "")
    if unseen:
        what = f"{held}its archive {place} cannot be looked into: {unseen}"
        return Barred("archive-unseen", what, where=alternate.name, remedy="Name an archive that outlives the cluster")
    troubles = "; ".join(f"{each.bundle}: {each.trouble or f'of cluster {each.cluster}'}" for each in offered[:3])
    what = f"{held}there is {which} in its archive {place}" + (f" ({troubles})" if troubles else "")
    return Barred("no-bundle", what, where=alternate.name, remedy=f"Make one: ppsconsole run backup {alternate.archive}")


def quiet_steps(shop: Shop, alternate: Alternate) -> list[Step]:
    """Return the steps after which its PPS is stopped and stays so: nobody may write into a copy by mistake."""
    name = alternate.name
    return [
        shop.step("stop", name, f"Stop the PPS of {name}"),
        shop.step("disable", name, f"Keep the PPS of {name} from starting at boot"),
    ]


def restore_step(shop: Shop, alternate: Alternate, node: Node, source: Source) -> Step:
    """Return the step that restores a bundle beside what the alternate server has, and compares every table."""
    arguments = {
        "bundle": source.bundle,
        "database": source.database(alternate),
        "taken_at": repr(source.taken_at),
        "version": source.version,
        "system": str(node.value("system_identifier") or "not seen"),
    }
    title = f"Restore {source.bundle} on {alternate.name} as {source.database(alternate)}, and compare every table"
    step = shop.step("restore-copy", alternate.name, title, id="restore-copy", arguments=arguments)
    return replace(step, host=alternate.database_host, is_undoable=False, is_markable=False)


def bundle_of(plan: Plan) -> str:
    """Return the bundle that a plan serves from, or puts into an alternate server; empty where it does neither."""
    return next((step.arguments["bundle"] for step in plan.steps if step.verb in ("restore-copy", "take-copy")), "")
