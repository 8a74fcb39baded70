"""Preflight: settings and versions that would stop a standby, block its writes, or keep the other from following it."""

import shlex

from ppsconsole.cluster.snapshot import Node
from ppsconsole.plan.preflight import Item
from ppsconsole.probes.judge_cluster import AT_LEAST
from ppsconsole.runbooks.case import Case, failing, ok, settings_of, unseen
from ppsconsole.runbooks.remedies import literals, may_see, psql, reloaded, restarted

_LEVELS = ("minimal", "replica", "logical")


def smaller_parameters(less: Node, more: Node) -> dict[str, str]:
    """Return the settings of which `less` has less than `more`, which it follows, with the value that it would need."""
    own, needed = settings_of(less), settings_of(more)
    both = [each for each in AT_LEAST if own.get(each, "").isdigit() and needed.get(each, "").isdigit()]
    return {each: needed[each] for each in both if int(own[each]) < int(needed[each])}


def parameters(case: Case) -> Item:
    """Return whether either could be the standby of the other: both will have been."""
    name, old, new = "parameters", case.old, case.new
    smaller, larger = smaller_parameters(new, old), smaller_parameters(old, new)
    if smaller:
        words = f"less than the primary has: {_said(smaller, new, old)}; the replay of {new.name} stops at that"
        return failing(name, words, restarted(case.inventory, new.name, **smaller), is_blocking=True)
    if larger:
        words = f"{old.name} has less than its primary to be: {_said(larger, old, new)}; it could not follow"
        return failing(name, words, restarted(case.inventory, old.name, **larger))
    missing = [each for each in AT_LEAST if not all(settings_of(node).get(each, "").isdigit() for node in (old, new))]
    if missing:
        return unseen(name, f"not known on both: {', '.join(missing)}", is_blocking=True)
    return ok(name, "either can follow the other", is_blocking=True)


def _said(values: dict[str, str], less: Node, more: Node) -> str:
    return "; ".join(f"{name} {settings_of(less)[name]} on {less.name}, {value} on {more.name}" for name, value in values.items())


def synchronous(case: Case) -> Item:
    """Return whether commits on the new primary would wait for a standby that is not there."""
    name, new = "synchronous-standbys", case.new.name
    names = settings_of(case.new).get("synchronous_standby_names")
    if names is None:
        return unseen(name, f"synchronous_standby_names of {new} is not known", is_blocking=True)
    if names.strip():
        remedy = f"{reloaded(new, 'synchronous_standby_names', chr(39) * 2)}; set it again when a standby follows"
        words = f"{new} has synchronous_standby_names = {names}: after the promotion every commit would wait for it"
        return failing(name, words, remedy, is_blocking=True)
    return ok(name, f"{new} waits for no standby", is_blocking=True)


def writable(case: Case) -> Item:
    """Return whether clients may write on the new primary by default."""
    new, setting = case.new, "default_transaction_read_only"
    remedy = reloaded(new.name, setting, "off")
    return _has_to_be("writable", new, setting, "off", f"{new.name} will take writes", "users could not write", remedy)


def hot_standby(case: Case) -> Item:
    """Return whether the old primary would answer once it is a standby: nobody could see that it follows."""
    old = case.old
    otherwise = "as a standby it answers nobody, and that it follows could not be verified"
    remedy = restarted(case.inventory, old.name, hot_standby="on")
    return _has_to_be("hot-standby", old, "hot_standby", "on", f"{old.name} answers as a standby, too", otherwise, remedy)


def _has_to_be(name: str, node: Node, setting: str, wanted: str, well: str, otherwise: str, remedy: str) -> Item:
    """Return the item `name`: whether `setting` of `node` has the one value that is good, in words for both."""
    value = settings_of(node).get(setting)
    if value is None:
        return unseen(name, f"{setting} of {node.name} is not known", is_blocking=True)
    if value != wanted:
        return failing(name, f"{node.name} has {setting} = {value}: {otherwise}", remedy, is_blocking=True)
    return ok(name, well, is_blocking=True)


def wal_level(case: Case) -> Item:
    """Return whether the new primary writes what standbys, and others that read its log, need."""
    name, new = "wal-level", case.new.name
    own, before = settings_of(case.new).get("wal_level"), settings_of(case.old).get("wal_level")
    if own not in _LEVELS:
        return unseen(name, f"wal_level of {new} is not known", is_blocking=True)
    if own == "minimal":
        words = f"{new} has wal_level = minimal: once it is the primary nobody could follow it"
        return failing(name, words, restarted(case.inventory, new, wal_level="replica"), is_blocking=True)
    if before in _LEVELS and _LEVELS.index(own) < _LEVELS.index(before):
        words = f"{new} has wal_level = {own}, {case.old.name} has {before}: logical decoding would end with the move"
        return failing(name, words, restarted(case.inventory, new, wal_level=before))
    return ok(name, f"{new} has wal_level = {own}", is_blocking=True)


def server_versions(case: Case) -> Item:
    """Return whether both run the same PostgreSQL, to the minor release."""
    name, old, new = "server-versions", case.old.value("version"), case.new.value("version")
    if old is None or new is None:
        missing = case.old.name if old is None else case.new.name
        return unseen(name, f"the version of {missing} is not known", is_blocking=True)
    words = f"{case.old.name} runs PostgreSQL {_version(old)}, {case.new.name} {_version(new)}"
    if old // 10000 != new // 10000:
        remedy = f"Make {case.new.name} anew with PostgreSQL {old // 10000}: pg_basebackup -h {case.old.name} -R -D NEW-DIRECTORY"
        return failing(name, words, remedy, is_blocking=True)
    if old != new:
        older = case.old.name if old < new else case.new.name
        remedy = f"On {older}: install PostgreSQL {_version(max(old, new))} with its package manager, then restart it"
        return failing(name, f"{words}: a defect that one of them mends may come back with the move", remedy)
    return ok(name, f"both run PostgreSQL {_version(new)}", is_blocking=True)


def _version(number: int) -> str:
    return f"{number // 10000}.{number % 10000}"


def libraries(case: Case) -> Item:
    """Return whether the new primary has the files of all that the database uses."""
    name, new = "libraries", case.new.name
    missing: tuple[str, ...] | None = case.new.value("missing_extensions")
    if missing is None:
        return unseen(name, f"whether {new} has the files of all extensions is not known", is_blocking=True)
    if missing:
        words = f"{new} lacks the files of {', '.join(missing)}: what uses them fails once it is the primary"
        proof = psql(new, f"SELECT name FROM pg_available_extensions WHERE name IN ({literals(missing)})")
        return failing(name, words, f"Install the package with them on the host of {new}. {proof}", is_blocking=True)
    old_loads, new_loads = (settings_of(node).get("shared_preload_libraries") for node in (case.old, case.new))
    if old_loads is None and new_loads is not None and case.old.role != "primary":
        words = f"{case.old.name} does not answer: which libraries it loads at its start is not known"
        folder = shlex.quote(case.inventory.database.instances[case.old.name].data_directory or "DATADIR")
        look = f"grep -h '^shared_preload_libraries' {folder}/postgresql.conf {folder}/postgresql.auto.conf"
        return unseen(name, words, f"On the host of {case.old.name}: {look}; {new} loads {new_loads or 'none'}", is_blocking=True)
    if old_loads is None or new_loads is None:
        return unseen(name, "shared_preload_libraries is not known on both", may_see(case.inventory, new), is_blocking=True)
    lacking = [each.strip() for each in old_loads.split(",") if each.strip() and each.strip() not in new_loads]
    if lacking:
        words = f"{new} does not load {', '.join(lacking)} at its start, {case.old.name} does"
        return failing(name, words, restarted(case.inventory, new, shared_preload_libraries=literals([old_loads])))
    return ok(name, f"{new} has the files of all extensions", is_blocking=True)


def collations(case: Case) -> Item:
    """Return whether text sorts on the new primary's machine as it did where the indexes were made."""
    name, new, changed = "collations", case.new.name, case.new.value("is_collation_changed")
    if changed is None:
        remedy = f"On both hosts: ldd --version | head -n 1; where they differ, after the move: {_reindexed(case)}"
        return unseen(name, f"whether text sorts on {new} as it did on {case.old.name} is not known", remedy)
    if changed:
        words = f"the machine of {new} sorts text by another version than the indexes were made with: they may miss rows"
        return failing(name, words, f"After the move: {_reindexed(case)}")
    return ok(name, f"{new} sorts text as the indexes were made")


def _reindexed(case: Case) -> str:
    database = case.inventory.database.database
    return psql(
        case.new.name, f"REINDEX DATABASE CONCURRENTLY {database}", f"ALTER DATABASE {database} REFRESH COLLATION VERSION"
    )


def rewindable(case: Case) -> Item:
    """Return whether the old primary could be rewound, should it diverge."""
    name, old = "rewind", case.old.name
    own, other = settings_of(case.old), settings_of(case.new)
    # Checksums belong to the data and are the same on both; wal_log_hints is each server's own.
    sums = own.get("data_checksums") or other.get("data_checksums")
    hints, pages = own.get("wal_log_hints"), own.get("full_page_writes")
    if pages == "off":
        words = f"{old} has full_page_writes = off: pg_rewind cannot work, and a crash can break it"
        return failing(name, words, reloaded(old, "full_page_writes", "on"))
    if "on" in (hints, sums):
        return ok(name, "checksums are on" if sums == "on" else "wal_log_hints is on")
    if hints is None or sums is None:
        return unseen(name, f"wal_log_hints of {old} and its checksums are not known", psql(old, "SHOW wal_log_hints"))
    words = "neither checksums nor wal_log_hints are on: pg_rewind cannot work, and a diverged copy has to be made anew"
    return failing(name, words, restarted(case.inventory, old, wal_log_hints="on"))
