"""Preflight: can everything that has to act be reached and driven, and what will come back by itself?"""

from collections.abc import Iterable
from typing import Any

from ppsconsole.clock import duration
from ppsconsole.cluster.judging import against
from ppsconsole.cluster.snapshot import Member, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.drivers.service import MASK, SYSTEMD_VERBS
from ppsconsole.masking import plain
from ppsconsole.plan.preflight import Item
from ppsconsole.probes.host import data_directories
from ppsconsole.runbooks.case import Case, failing, ok, unseen
from ppsconsole.runbooks.situation import DRIVEN_SERVICES, is_driven, is_reachable, service_of
from ppsconsole.runbooks.web_side import SWITCHED


def logins(case: Case) -> Item:
    """Return whether the console can log in to every host that acts."""
    name = "logins"
    answers = {each: is_reachable(case.snapshot, each) for each in (*case.acting, *case.side.unreachable)}
    refused = [each for each, answer in answers.items() if answer is False]
    if refused:
        said = ", ".join(f"{each} ({_why(case, each)})" for each in refused)
        remedy = f"Repair the way to it first: ppsconsole node {refused[0]}"
        return failing(name, f"no login to the host of {said}", remedy, is_blocking=True)
    hidden = [each for each, answer in answers.items() if answer is None]
    if hidden:
        return unseen(name, f"not looked at: the hosts of {', '.join(hidden)}", is_blocking=True)
    return ok(name, f"the hosts of {', '.join(answers)} let the console in", is_blocking=True)


def _why(case: Case, name: str) -> str:
    node = case.snapshot.node(name)
    return str(node.value("host.ssh")) if node is not None else "not seen"


def login_new(case: Case) -> Item:
    """Return whether the console can log in to the host of the primary to be: it holds the lease."""
    name, new = "login-new-primary", case.new.name
    answer = is_reachable(case.snapshot, new)
    if answer is None:
        return unseen(name, f"nobody tried to log in to the host of {new}", is_blocking=True)
    if not answer:
        remedy = f"Repair the way to it, the run's lease lies on that host: ppsconsole node {new}"
        return failing(name, f"no login to the host of {new} ({_why(case, new)})", remedy, is_blocking=True)
    return ok(name, f"the host of {new} lets the console in", is_blocking=True)


def services(case: Case) -> Item:
    """Return whether the console can start and stop all that it has to."""
    name = "services"
    missing = [
        each
        for each in (*case.side.serving, *case.side.aside, case.old.name, case.new.name)
        if not is_driven(case.inventory, each)
    ]
    if missing:
        remedy = f"Declare a service of kind {' or '.join(DRIVEN_SERVICES)} for each; other kinds are not driven yet"
        return failing(name, f"the console cannot start and stop {', '.join(missing)}", remedy, is_blocking=True)
    stopped = (*case.side.serving, *case.side.aside, case.old.name, case.new.name)
    acting = (*case.inventory.balancers, *stopped)
    if denied := denied_said(case.snapshot, stopped) or denied_said(case.snapshot, case.inventory.balancers, ("reload",)):
        return failing(name, denied, SUDOERS, is_blocking=True)
    blind = [each for each in (*case.side.serving, *case.side.aside, case.old.name) if _value(case, each, "service") is None]
    if blind:
        remedy = f"On their hosts: {'; '.join(_asked(case, each) for each in blind)}"
        return unseen(name, f"the services of {', '.join(blind)} did not tell their state", remedy, is_blocking=True)
    unasked = [each for each in acting if _goes_through_sudo(case, each) and _value(case, each, "service_denied") is None]
    if unasked:
        words = f"whether sudo lets the login start and stop {', '.join(unasked)} was not seen"
        return unseen(name, words, f"On their hosts: sudo -n -l. {SUDOERS}", is_blocking=True)
    if denied := denied_said(case.snapshot, stopped, (MASK,)):
        return failing(name, denied, f"{UNMASKED}. {SUDOERS}")
    return ok(name, "all services are declared and tell their state", is_blocking=True)


_NEEDED = (*(verb for verb in SYSTEMD_VERBS if verb != MASK), "reload")
UNMASKED = "A unit that is only disabled is started at boot by whatever asks for it (on Debian, a database by postgresql.service)"
SUDOERS = "Allow them to the login without a password, in sudoers: LOGIN ALL=(root) NOPASSWD: /usr/bin/systemctl stop -- UNIT, …"


def denied_said(snapshot: Snapshot, names: Iterable[str], verbs: tuple[str, ...] = _NEEDED) -> str:
    """Return what of `verbs` sudo denies the console at the services of the nodes `names`; empty where nothing is denied."""
    found = []
    for each in names:
        fact = None if (node := snapshot.node(each)) is None else node.facts.get("service_denied")
        denied = [command for command in (fact.value or () if fact is not None else ()) if command.split()[1] in verbs]
        if fact is not None and denied:
            found.append(f"{', '.join(denied)} for {each}" + (f" ({fact.detail})" if fact.detail else ""))
    return f"sudo does not let the login do what a run may have to: {'; '.join(found)}" if found else ""


def _goes_through_sudo(case: Case, name: str) -> bool:
    service = service_of(case.inventory, name)
    return service is not None and service.kind == "systemd"


def _asked(case: Case, name: str) -> str:
    service = service_of(case.inventory, name)
    if service is None:
        return f"declare a service for {name}"
    return f"{service.program} status" if service.kind == "command" else f"systemctl status {service.name}"


def _value(case: Case, name: str, fact: str) -> Any:
    node = case.snapshot.node(name)
    return None if node is None else node.value(fact)


def web_nodes(case: Case) -> Item:
    """Return whether somebody can serve users afterwards."""
    name = "web-nodes"
    if not case.side.serving:
        hidden = " ".join(f"ppsconsole node {each};" for each in case.side.unreachable).rstrip(";")
        remedy = f"Bring the host of a web node back first, without one the promotion brings no user back: {hidden}"
        return failing(name, "no web node can be reached that could serve", remedy, is_blocking=True)
    return ok(name, f"served afterwards by {', '.join(case.side.serving)}", is_blocking=True)


def web_switch(case: Case) -> Item:
    """Return whether the web nodes can be pointed at the new primary without anybody at their screens."""
    name, new = "web-switch", case.new.name
    for each in case.side.serving:
        method = case.inventory.web_nodes[each].switch.method
        if method not in SWITCHED:
            remedy = f"Declare `switch: {{method: command, program: …}}` for {each}, or method manual"
            return failing(name, f"{each} is switched by method {method}, which the console cannot do", remedy, is_blocking=True)
        node = case.snapshot.node(each)
        target = None if node is None else node.value("points_at")
        if method == "standby-web" and target is None:
            return unseen(name, f"which database {each} is set to is not known", is_blocking=True)
        if method == "standby-web" and target != new:
            remedy = f"Set it to {new} in its Service Configuration; nothing re-points a standby web node"
            return failing(name, f"{each} is set to {target}", remedy, is_blocking=True)
        if method == "indirect":
            words = f"{each} names its database indirectly, and nobody looked whether that name moves to {new}"
            return unseen(name, words, "Its sessions will tell after the start", is_blocking=True)
    return ok(name, f"{', '.join(case.side.serving)} can be pointed at {new}", is_blocking=True)


def clocks(case: Case) -> Item:
    """Return whether the hosts' clocks agree, so that times in logs and losses can be compared."""
    name, limit = "clocks", case.inventory.limits.clock_skew_s
    skews = {}
    for each in (case.old, case.new):
        skews[each.name] = each.value("host.clock_skew_s")
    hidden = [each for each, skew in skews.items() if skew is None]
    off = {each: skew for each, skew in skews.items() if skew is not None and against(abs(skew), limit) is not Verdict.OK}
    if off:
        said = ", ".join(f"{each} by {duration(skew)}" for each, skew in off.items())
        return failing(
            name,
            f"off the console's clock: {said}",
            "On the host: timedatectl status; chronyc makestep. Positions in the log do not depend on it",
        )
    if hidden:
        return unseen(name, f"the clock of {', '.join(hidden)} was not compared", "On the host: timedatectl status")
    return ok(name, f"within {duration(max(abs(float(skew)) for skew in skews.values()))} of the console's")


def disk(case: Case) -> Item:
    """Return whether the primary to be has room to write."""
    name, percent, new = "disk", case.new.value("host.disk_percent"), case.new.name
    if percent is None:
        return unseen(name, f"the disks of {new} are not known")
    verdict = against(percent, case.inventory.limits.disk_percent)
    if verdict is not Verdict.OK:
        host = case.inventory.host_of(new)
        watched = ("/",) if host is None else (*host.disks, *data_directories(case.inventory, host))
        paths = " ".join(dict.fromkeys(watched))
        remedy = f"Make room on the host of {new} first: df -h {paths}"
        return failing(name, f"{new} has {percent:.0f}% of its disk in use", remedy, is_blocking=verdict is Verdict.DOWN)
    return ok(name, f"{new} has {percent:.0f}% of its disk in use")


def automatic_return(case: Case) -> Item:
    """Return whether a balancer would go back to the old side by itself (law 4)."""
    name = "automatic-return"
    found, hidden = [], []
    for each in case.inventory.balancers:
        node = case.snapshot.node(each)
        members: tuple[Member, ...] | None = None if node is None else node.value("members")
        if members is None:
            hidden.append(each)
        found += [f"{said} at {each}" for member in members or () if (said := _returns(case, member))]
    if found:
        words = f"{', '.join(found)}: nginx goes there and back by itself"
        remedy = "Write `down` behind its address in the upstream, then nginx -t && nginx -s reload; the run sets all others down"
        return failing(name, words, remedy)
    if hidden:
        remedy = f"On the host of {hidden[0]}: nginx -T"
        return unseen(
            name, f"the members of {', '.join(f'{each}{_unseen_why(case, each)}' for each in hidden)} were not seen", remedy
        )
    return ok(name, "no balancer returns by itself")


def _unseen_why(case: Case, balancer: str) -> str:
    node = case.snapshot.node(balancer)
    fact = None if node is None else node.facts.get("members")
    return f" ({plain(fact.detail, 160)})" if fact is not None and fact.detail else ""


def _returns(case: Case, member: Member) -> str:
    """Return how users would come to `member` without anybody's doing; empty where they would not."""
    called = member.web_node or member.address
    if member.state == "backup":
        return f"{called} is a backup member"
    node = None if member.web_node is None else case.snapshot.node(member.web_node)
    is_one_enough = case.inventory.cluster.mode != "active-active"
    if is_one_enough and member.state == "up" and node is not None and node.value("service") in ("stopped", "failed"):
        return f"{called}, which is {node.value('service')}, is up and would be asked as soon as it is back"
    return ""


def certificate(case: Case) -> Item:
    """Return whether users' browsers and clients accept the front after the move."""
    name, limit = "front-certificate", case.inventory.limits.certificate_days
    doors = [*case.inventory.balancers, *case.side.serving]
    days = {each: None if (node := case.snapshot.node(each)) is None else node.value("certificate_days") for each in doors}
    bad = {each: left for each, left in days.items() if left is not None and against(left, limit) is not Verdict.OK}
    ended = [each for each, left in bad.items() if left <= 0]
    if bad:
        # Whoever drains or serves is proved by a request, and no request gets through one that has ended: the run would be held.
        said = (
            [f"has ended: {', '.join(ended)}; users are refused there, and no run could prove where they get in"] if ended else []
        )
        soon = ", ".join(f"{each} in {left:.0f} days" for each, left in bad.items() if left > 0)
        remedy = (
            f"Renew it: ppsconsole node {next(iter(ended or bad))} tells its names. Then {_read_anew(case, ended or list(bad))}"
        )
        return failing(name, "; ".join([*said, *([f"ends soon: {soon}"] if soon else [])]), remedy, is_blocking=bool(ended))
    hidden = [each for each, left in days.items() if left is None]
    if hidden:
        return unseen(name, f"the certificates of {', '.join(hidden)} were not seen")
    return ok(
        name,
        f"all hold for {min(float(left) for left in days.values() if left is not None):.0f} days" if days else "there is none",
    )


def _read_anew(case: Case, names: list[str]) -> str:
    """Return how those whose certificate was renewed take it into use."""
    known = case.inventory.balancers
    said = [f"on the host of {each}: {'nginx -t && nginx -s reload' if each in known else f'restart {each}'}" for each in names]
    return "; ".join(said)


def at_boot(case: Case) -> Item:
    """Return whether the primary to be would come back after a reboot."""
    name, state, new = "starts-at-boot", case.new.value("service_enabled"), case.new.name
    if state is None:
        return unseen(name, f"whether {new} starts at boot is not known")
    if state != "enabled":
        service = service_of(case.inventory, new)
        command = (
            "" if service is None else f"{service.program} enable" if service.program else f"systemctl enable {service.name}"
        )
        return failing(name, f"{new} does not start at boot", f"The run enables it once it is the primary; now: {command}")
    return ok(name, f"{new} starts at boot")
