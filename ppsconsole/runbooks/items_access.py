"""Preflight: can everything that has to act be reached and driven, and what will come back by itself?"""

from ppsconsole.clock import duration
from ppsconsole.cluster.judging import against
from ppsconsole.cluster.snapshot import Member
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, unseen
from ppsconsole.runbooks.situation import DRIVEN_SERVICES, is_driven, is_reachable
from ppsconsole.runbooks.web_side import SWITCHED


def logins(case: Case) -> Item:
    """Return whether the console can log in to every host that acts."""
    name = "logins"
    answers = {each: is_reachable(case.snapshot, each) for each in (*case.acting, *case.side.unreachable)}
    refused = [each for each, answer in answers.items() if answer is False]
    if refused:
        said = ", ".join(f"{each} ({_why(case, each)})" for each in refused)
        return failing(name, f"no login to the host of {said}", "Repair the way to it first", is_blocking=True)
    hidden = [each for each, answer in answers.items() if answer is None]
    if hidden:
        return unseen(name, f"not looked at: the hosts of {', '.join(hidden)}", "Look again", is_blocking=True)
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
        remedy = "Repair the way to it: the run's lease lies on that host"
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
    blind = [each for each in (*case.side.serving, *case.side.aside, case.old.name) if _service(case, each) is None]
    if blind:
        return unseen(name, f"the services of {', '.join(blind)} did not tell their state", is_blocking=True)
    return ok(name, "all services are declared and tell their state", is_blocking=True)


def _service(case: Case, name: str) -> str | None:
    node = case.snapshot.node(name)
    return None if node is None else node.value("service")


def web_nodes(case: Case) -> Item:
    """Return whether somebody can serve users afterwards."""
    name = "web-nodes"
    if not case.side.serving:
        remedy = "Bring the host of a web node back first: without one the promotion brings no user back"
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


def secrets(case: Case) -> Item:
    """Return whether every secret resolves while the service is down: a password kept in PPS itself would not."""
    name, tried = "secrets", case.background.secrets
    if tried is None:
        return unseen(name, "nobody tried to resolve the secrets", is_blocking=True)
    lost = {reference: why for reference, why in tried.items() if why}
    if lost:
        said = ", ".join(f"{reference} ({why})" for reference, why in lost.items())
        return failing(name, f"does not resolve: {said}", "Keep them outside of PPS, where they can be had now", is_blocking=True)
    return ok(name, f"all {len(tried)} resolve" if tried else "there are none to resolve", is_blocking=True)


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
        return failing(name, f"off the console's clock: {said}", "Repair time synchronisation; positions do not depend on it")
    if hidden:
        return unseen(name, f"the clock of {', '.join(hidden)} was not compared")
    return ok(name, f"within {duration(max(abs(float(skew)) for skew in skews.values()))} of the console's")


def disk(case: Case) -> Item:
    """Return whether the primary to be has room to write."""
    name, percent, new = "disk", case.new.value("host.disk_percent"), case.new.name
    if percent is None:
        return unseen(name, f"the disks of {new} are not known")
    verdict = against(percent, case.inventory.limits.disk_percent)
    if verdict is not Verdict.OK:
        remedy = f"Make room on the host of {new} first"
        return failing(name, f"{new} has {percent:.0f}% of its disk in use", remedy, is_blocking=verdict is Verdict.DOWN)
    return ok(name, f"{new} has {percent:.0f}% of its disk in use")


def identities(case: Case) -> Item:
    """Return whether destructive commands can be bound to who they are meant for (law 7)."""
    name, missing = "identities", []
    for node in (case.old, case.new):
        for part in ("host.host_key", "host.hostname", "data_directory"):
            known = node.value(part) or (part == "data_directory" and case.inventory.database.instances[node.name].data_directory)
            if not known:
                missing.append(f"{part.removeprefix('host.').replace('_', ' ')} of {node.name}")
    if missing:
        return unseen(
            name, f"not known: {', '.join(missing)}", "What is not known is not re-read before a command", is_blocking=True
        )
    wrong = []
    for node in (case.old, case.new):
        host = case.inventory.host_of(node.name)
        if host is not None and host.hostname is not None and host.hostname != node.value("host.hostname"):
            wrong.append(f"the host of {node.name} calls itself {node.value('host.hostname')}, declared is {host.hostname}")
    if wrong:
        return failing(
            name, "; ".join(wrong), "Compare the inventory with the hosts: this may be another machine", is_blocking=True
        )
    return ok(name, "host keys, host names and data directories are known", is_blocking=True)


def automatic_return(case: Case) -> Item:
    """Return whether a balancer would go back to the old side by itself (law 4)."""
    name = "automatic-return"
    found, hidden = [], []
    for each in case.inventory.balancers:
        node = case.snapshot.node(each)
        members: tuple[Member, ...] | None = None if node is None else node.value("members")
        if members is None:
            hidden.append(each)
        found += [f"{member.web_node or member.address} at {each}" for member in members or () if member.state == "backup"]
    if found:
        return failing(
            name, f"backup members: {', '.join(found)}; nginx leaves them and returns by itself", "The run sets them up or down"
        )
    if hidden:
        return unseen(name, f"the members of {', '.join(hidden)} were not seen")
    return ok(name, "no balancer returns by itself")


def certificate(case: Case) -> Item:
    """Return whether users' browsers and clients accept the front after the move."""
    name, limit = "front-certificate", case.inventory.limits.certificate_days
    doors = [*case.inventory.balancers, *case.side.serving]
    days = {each: None if (node := case.snapshot.node(each)) is None else node.value("certificate_days") for each in doors}
    bad = {each: left for each, left in days.items() if left is not None and against(left, limit) is not Verdict.OK}
    if bad:
        said = ", ".join(f"{each} in {left:.0f} days" for each, left in bad.items())
        return failing(name, f"ends soon: {said}", "Renew it; clients refuse an expired one")
    hidden = [each for each, left in days.items() if left is None]
    if hidden:
        return unseen(name, f"the certificates of {', '.join(hidden)} were not seen")
    return ok(
        name,
        f"all hold for {min(float(left) for left in days.values() if left is not None):.0f} days" if days else "there is none",
    )


def at_boot(case: Case) -> Item:
    """Return whether the primary to be would come back after a reboot."""
    name, state, new = "starts-at-boot", case.new.value("service_enabled"), case.new.name
    if state is None:
        return unseen(name, f"whether {new} starts at boot is not known")
    if state != "enabled":
        return failing(name, f"{new} does not start at boot", "The run enables it once it is the primary")
    return ok(name, f"{new} starts at boot")
