"""Preflight: whom does the old primary still serve besides users: its archive, and sessions that are not ours?"""

from ppsconsole.cluster.database import Sessions
from ppsconsole.cluster.judging import against
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, settings_of, unseen
from ppsconsole.runbooks.remedies import may_see, psql, restarted


def archiver(case: Case) -> Item:
    """Return whether the old primary's archiver keeps up: its clean stop waits for it."""
    name, old = "archiver", case.old.name
    failed, backlog = case.old.value("archiver_failed"), case.old.value("archive_backlog")
    if failed:
        # A reload has the archiver try at once; by itself it waits up to a minute after three failures.
        tried = psql(old, "SELECT pg_reload_conf()")
        remedy = f"Repair archive_command, as the log of {old} says: ppsconsole logs {old} --grep archive. {tried}"
        words = f"archiving fails on {old} ({failed} attempts): its clean stop waits for it, and backups have a hole"
        return failing(name, words, remedy, is_blocking=True)
    if failed is None:
        return unseen(name, f"the archiver of {old} is not known")
    if backlog is None:
        mode = settings_of(case.old).get("archive_mode")
        if mode == "off":
            return ok(name, f"{old} archives nothing")
        return unseen(name, f"how many WAL files wait for the archive of {old} is not known", may_see(case.inventory, old))
    verdict = against(backlog, case.inventory.limits.archive_backlog)
    if verdict is not Verdict.OK:
        remedy = f"Wait until they are archived: {psql(old, 'SELECT * FROM pg_stat_archiver')}"
        words = f"{backlog} WAL files wait for the archive, and the stop of {old} waits for them"
        return failing(name, words, remedy, is_blocking=verdict is Verdict.DOWN)
    return ok(name, f"{backlog} WAL files wait for the archive")


def archiving_after(case: Case) -> Item:
    """Return whether the new primary goes on with the archive that the old one fills: backups end with the move otherwise."""
    name, old, new = "archiving-after", settings_of(case.old).get("archive_mode"), settings_of(case.new).get("archive_mode")
    if old is None or new is None:
        missing = case.old.name if old is None else case.new.name
        return unseen(name, f"archive_mode of {missing} is not known", may_see(case.inventory, missing))
    if old != "off" and new == "off":
        words = f"{case.old.name} archives its WAL, {case.new.name} would not: backups could not go on after the move"
        return failing(name, words, restarted(case.inventory, case.new.name, archive_mode="on"))
    return ok(name, f"{case.new.name} archives as {case.old.name} does")


def foreign_sessions(case: Case) -> Item:
    """Return who else is connected to the primary: their sessions will be ended."""
    name, old = "foreign-sessions", case.old.name
    found: tuple[Sessions, ...] | None = case.old.value("sessions")
    if found is None:
        return unseen(name, f"who is connected to {old} is not known")
    ours = {host.address for host in (case.inventory.host_of(each) for each in case.inventory.web_nodes) if host is not None}
    others = [each for each in found if each.client_addr not in ours and each.user != case.inventory.database.user]
    if others:
        said = ", ".join(
            f"{each.count} of {each.application_name or each.user} from {each.client_addr or 'the host itself'}"
            for each in others
        )
        remedy = psql(
            old, "SELECT pid, usename, client_addr, application_name FROM pg_stat_activity WHERE client_addr IS NOT NULL"
        )
        return failing(name, f"not ours, and will be ended: {said}", f"Tell their owners, or stop them first. {remedy}")
    return ok(name, "only web nodes are connected")
