"""Backup, backup-verify, backup-prune: bundles of database, connection settings and keys. Users notice none of them."""

from dataclasses import replace

from ppsconsole.clock import duration
from ppsconsole.cluster.bundles import bundle_name
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background, Brief, Shop
from ppsconsole.runbooks.case import failing, ok, unseen
from ppsconsole.runbooks.items_windows import BY_HAND, SEALED, on_windows
from ppsconsole.runbooks.request import Request, known, without_to
from ppsconsole.runbooks.situation import one_history, primaries, standbys, unanswered

_NOTHING_LOST = Loss(LossTier.NONE, words="the cluster itself is only read")


def plan_backup(brief: Brief) -> Plan:
    """Return the plan that makes a bundle at the place `request.node`, or at each that is declared.

    With several places each is tried, and one that fails leaves the others: at least one has to have its bundle in the end.

    Raises:
        UsageError: No such place.
        Barred: None is declared, the database is of another kind, or there is nothing to dump.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    places = _places(inventory, request)
    one_history(snapshot)
    shop = brief.shop()
    version, sources = _pps_version(snapshot), {each.name: _source(inventory, snapshot, each) for each in places}
    is_many = len(places) > 1
    steps: list[Step] = []
    for place in places:
        source = sources[place.name]
        steps.append(
            _there(
                inventory,
                shop,
                place,
                "back-up",
                f"Write database, settings and keys as a bundle to {place.name}, from {source.name}",
                {"source": source.name, "pps_version": version},
                is_optional=is_many,
            )
        )
        title = f"Set aside what {place.name} has beyond the newest {place.keep}"
        steps.append(_there(inventory, shop, place, "retain-bundles", title, {"keep": str(place.keep)}, is_optional=True))
    if is_many:
        names = " ".join(each.name for each in places)
        title = "See that one place at least has its bundle"
        steps.append(shop.step("count-bundles", places[0].name, title, id="count-bundles", arguments={"places": names}))
    preflight: list[Item] = []
    for place in places:
        preflight += [_key(snapshot, place, brief.background), _folder(snapshot, place, is_many=is_many)]
    preflight += [_as_declared(sources, snapshot), _web_keys(inventory, snapshot), _version(version)]
    return brief.plan(node=request.node, steps=tuple(steps), preflight=tuple(preflight), loss=_NOTHING_LOST)


def plan_backup_verify(brief: Brief) -> Plan:
    """Return the plan that restores the newest bundle of the place `request.node`, or of each that can be tried, and compares.

    Raises:
        UsageError: No such place.
        Barred: None is declared that says where it may be tried.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    places = _places(inventory, request)
    if not request.node:
        places = tuple(each for each in places if each.scratch is not None)
    if not places or any(each.scratch is None for each in places):
        what = "no place declares `scratch`, a host and a folder where a backup may be restored to try it"
        raise Barred("no-scratch", what, where=request.node or "backups", remedy="Declare it: see sample-inventory.yaml")
    shop = brief.shop()
    version, steps, preflight = _pps_version(snapshot), [], []
    for place in places:
        assert place.scratch is not None
        title = f"Restore the newest bundle of {place.name} on {place.scratch.host}, in a server of its own, and compare"
        steps.append(_there(inventory, shop, place, "verify-bundle", title, {"pps_version": version}, host=place.scratch.host))
        preflight += [
            _key(snapshot, place, brief.background),
            _folder(snapshot, place),
            _scratch_host(inventory, snapshot, place.scratch.host),
        ]
    preflight.append(_version(version))
    return brief.plan(node=request.node, steps=tuple(steps), preflight=tuple(preflight), loss=_NOTHING_LOST)


def plan_backup_prune(brief: Brief) -> Plan:
    """Return the plan that deletes what is set aside or half-made at the place `request.node`, or at each.

    Raises:
        UsageError: No such place.
        Barred: There is nothing to delete, or it was not seen what there is.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    shop = brief.shop()
    steps = []
    for place in _places(inventory, request):
        names = [each for each in snapshot.value(f"{place.name}.backup_aside") or () if _is_hidden(each)]
        if names:
            title = f"Delete {len(names)} bundles at {place.name} that were set aside or never finished"
            steps.append(_there(inventory, shop, place, "prune-bundles", title, {"names": " ".join(names)}))
            told = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
            question = f"Delete for good at {place.name} ({place.path} on {place.host or 'this machine'}): {told}?"
            steps[-1] = replace(steps[-1], gate=Gate("confirm", question, "--approve"), is_undoable=False)
    if not steps:
        unseen_ones = [each.name for each in _places(inventory, request) if snapshot.value(f"{each.name}.backup") is None]
        if unseen_ones:
            what = f"what there is was not seen at {', '.join(unseen_ones)}"
            raise Barred("bundles-unseen", what, where=request.node or "backups", remedy="Plan again; `status` says what answers")
        what = "nothing is set aside or half-made"
        raise Barred("nothing-to-prune", what, where=request.node or "backups", remedy="See `ppsconsole backup list`")
    return brief.plan(node=request.node, steps=tuple(steps), preflight=(), loss=_NOTHING_LOST)


def _is_hidden(name: str) -> bool:
    found = bundle_name(name)
    return found is not None and bool(found.prefix)


def _places(inventory: Inventory, request: Request) -> tuple[Backup, ...]:
    without_to(request)
    if inventory.database.kind != "postgres":
        what = f"the console cannot back up a database group of kind {inventory.database.kind} yet"
        raise Barred("no-driver", what, where="database", remedy="Back it up with its own tools, and the keys beside it")
    if not inventory.backups:
        raise Barred("no-places", "no place for backups is declared", where="backups", remedy="Declare one in the inventory")
    if request.node:
        return (inventory.backups[known(request.node, inventory.backups, "place for backups")],)
    return tuple(inventory.backups.values())


def _there(
    inventory: Inventory,
    shop: Shop,
    place: Backup,
    verb: str,
    title: str,
    arguments: dict[str, str],
    *,
    is_optional: bool = False,
    host: str | None = None,
) -> Step:
    """Return a step at a place; its host is that of the place, else, for one on this machine, that of the source."""
    step = shop.step(verb, place.name, title, arguments=arguments, is_optional=is_optional)
    source = inventory.host_of(arguments["source"]) if "source" in arguments else None
    return replace(step, host=host or (source.name if source is not None else place.host))


def _source(inventory: Inventory, snapshot: Snapshot, place: Backup) -> Node:
    """Return the instance to dump: the one that is declared, else the primary, else the most advanced standby.

    The primary, because nothing is newer, and because replay on a standby ends a dump that takes longer than
    `max_standby_streaming_delay`; whoever wants the load elsewhere declares `source`.
    """
    answering = [*primaries(snapshot), *standbys(snapshot)]
    if place.source is not None:
        answering = [each for each in answering if each.name == place.source]
    if not answering:
        if place.source in unanswered(snapshot):
            what = f"{place.source} did not answer in time, and `source` says that it is dumped"
            raise Barred("source-unseen", what, where=place.name, remedy="Plan again; `status` says what answers")
        what = f"{place.source} does not answer" if place.source else "no instance answers"
        raise Barred("no-source", f"{what}: there is nothing to dump", where=place.name, remedy="See `status`")
    source = answering[0]
    if source.name not in inventory.database.instances[source.name].dumps:
        remedy = f"Declare `dumps: {{{source.name}: host=... user=... passfile=...}}` of {source.name}"
        raise Barred("no-login", f"nothing says how pg_dump logs in to {source.name}", where=source.name, remedy=remedy)
    return source


def _pps_version(snapshot: Snapshot) -> str:
    """Return the one version that all web nodes say that they are of; empty where they differ or none tells."""
    found = {str(version) for node in snapshot.of_kind("web") if (version := node.value("product_version")) is not None}
    return found.pop() if len(found) == 1 else ""


# --- preflight ----------------------------------------------------------------------------------------------------------


def _key(snapshot: Snapshot, place: Backup, background: Background) -> Item:
    name, remedy = "encryption-key", "Make one with `ppsconsole backup key`, and keep a copy away from this cluster"
    if place.encryption_key is None:
        return failing(name, f"{place.name} declares no `encryption_key`: nothing is kept in the clear", remedy, is_blocking=True)
    why = None if background.secrets is None else background.secrets.get(str(place.encryption_key))
    if why is None:
        seen = snapshot.value(f"{place.name}.backup_key")
        why = None if seen is None else "" if seen == "ok" else str(seen)
    if why is None:
        return unseen(name, f"whether the key of {place.name} can be had was not tried; the step tries it")
    if why:
        return failing(name, f"the key of {place.name} cannot be had: {why}", remedy, is_blocking=True)
    return ok(name, f"the key of {place.name} can be had", is_blocking=True)


def _folder(snapshot: Snapshot, place: Backup, *, is_many: bool = False) -> Item:
    """Return whether the folder is there; where there are several places one that is missing keeps the others from nothing."""
    name, state = "place", snapshot.value(f"{place.name}.backup")
    where = f"{place.path} on {place.host or 'this machine'}"
    if state is None:
        return unseen(name, f"{place.name} was not looked at ({where}); the step looks itself")
    if state in ("missing", "unreadable"):
        remedy = "Make the folder for the console's account, or see that what belongs there is mounted"
        return failing(name, f"{place.name}: {where} is {state}", remedy, is_blocking=not is_many)
    age_s = snapshot.value(f"{place.name}.backup_age_s")
    newest = "there is no backup yet" if age_s is None else f"the newest backup is {duration(age_s)} old"
    return ok(name, f"{place.name}: {where}; {newest}", is_blocking=True)


def _as_declared(sources: dict[str, Node], snapshot: Snapshot) -> Item:
    standby = sorted({node.name for node in sources.values() if node.role != "primary"})
    if standby and not primaries(snapshot):
        late = " and ".join(unanswered(snapshot))
        why = f"{late} did not answer in time, and no other is primary" if late else "no primary answers"
        words = f"{why}: {', '.join(standby)} is dumped, with what it has received"
        return failing("source", words, "Back up again once there is a primary")
    if standby:
        return ok("source", f"{', '.join(standby)} is dumped, a standby, as `source` says: with what it has received")
    return ok("source", f"{', '.join(sorted({node.name for node in sources.values()}))} is dumped, the primary")


def _web_keys(inventory: Inventory, snapshot: Snapshot) -> Item:
    """Return whether the keys can be read that the database is worth nothing without."""
    name, declared = "keys", [each for each in inventory.web_nodes.values() if each.key_files]
    lacking = [each.name for each in declared if not _are_seen(snapshot, each.name)]
    if sealed := on_windows(inventory, inventory.web_nodes.values()):
        words = f"keys and connection setting of {', '.join(sealed)} will not be in the bundle: {SEALED}"
        # Where nothing else has keys that are declared, the step would only fail in the end.
        is_futile = bool(declared) and len(on_windows(inventory, declared)) == len(declared)
        remedy = f"{BY_HAND}. Then take `key_files` of these away: the bundle says what it lacks" if is_futile else BY_HAND
        return failing(name, words, remedy, is_blocking=is_futile)
    if not declared:
        remedy = "Declare `key_files` of the web nodes; until then keep these files yourself"
        return failing(name, "no web node declares `key_files`: the bundle has the database without its keys", remedy)
    if len(lacking) == len(declared):
        return unseen(name, f"the key files of {', '.join(lacking)} were not seen; the step reads them, and fails without any")
    if lacking:
        return failing(name, f"the key files of {', '.join(lacking)} cannot be read", "Those of the others are taken: see to it")
    return ok(name, f"the key files of {', '.join(each.name for each in declared)} are there")


def _are_seen(snapshot: Snapshot, name: str) -> bool:
    """Return whether all key files of a web node can be read."""
    found = snapshot.node(name)
    keys = None if found is None else found.value("keys")
    return keys is not None and all(key.state == "ok" for key in keys)


def _version(version: str) -> Item:
    if version:
        return ok("pps-version", f"the web nodes are of version {version}")
    words = "no one version of the web nodes is known: a bundle is not compared with what runs here"
    return unseen("pps-version", words, "Bring them to one version; or note it yourself, a backup goes only with its own version")


def _scratch_host(inventory: Inventory, snapshot: Snapshot, host: str) -> Item:
    there = [node for node in snapshot.nodes if (found := inventory.host_of(node.name)) is not None and found.name == host]
    state = next((value for node in there if (value := node.value("host.ssh")) is not None), None)
    if state is None:
        return unseen("scratch", f"whether {host} can be logged in to was not seen; the step tries it")
    if state != "ok":
        return failing("scratch", f"{host} cannot be logged in to ({state})", "See to it, or declare another", is_blocking=True)
    return ok("scratch", f"{host} can be logged in to", is_blocking=True)
