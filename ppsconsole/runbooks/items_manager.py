"""Preflight: does another manager own this database (law 8)? It is named with its own command, and the console steps back."""

from dataclasses import dataclass

from ppsconsole.cluster.database import Replica, Sessions
from ppsconsole.cluster.snapshot import Node
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, settings_of, unseen

_OTHER = "other-manager"


@dataclass(frozen=True, slots=True)
class Manager:
    """A tool that moves databases by itself, or by its own commands.

    Attributes:
        programs: Its processes on a database host.
        signs: Words in settings, sessions and names of standbys that tell of it.
        switchover: Its own command for a planned move, by its documentation; `{old}` and `{new}` stand for the instances.
        failover: Its own command when the primary is gone.
        restart: Its own command to start an instance where it is.
    """

    title: str
    programs: tuple[str, ...]
    signs: tuple[str, ...]
    switchover: str
    failover: str
    restart: str


_MANAGERS = (
    Manager(
        "Patroni",
        ("patroni",),
        ("patroni",),
        "patronictl switchover --leader {old} --candidate {new}",
        "patronictl failover --candidate {new}",
        "patronictl restart CLUSTER {old}",
    ),
    Manager(
        "repmgr",
        ("repmgrd",),
        ("repmgr",),
        "on {new}: repmgr standby switchover --siblings-follow",
        "on {new}: repmgr standby promote",
        "on {old}: repmgr node service --action=start",
    ),
    Manager(
        "pg_auto_failover",
        ("pg_autoctl",),
        ("pg_auto_failover", "pgautofailover", "pg_autoctl"),
        "pg_autoctl perform switchover",
        "pg_autoctl perform failover",
        "on {old}: systemctl start pgautofailover",
    ),
    Manager(
        "Stolon",
        ("stolon-keeper",),
        ("stolon",),
        "stolonctl failkeeper KEEPER-OF-{old}",
        "stolonctl failkeeper KEEPER-OF-{old}",
        "on {old}: systemctl start stolon-keeper",
    ),
    Manager(
        "Pacemaker",
        ("pacemakerd", "corosync"),
        ("pacemaker",),
        "pcs resource move --promoted RESOURCE-clone {new}, afterwards pcs resource clear RESOURCE-clone",
        "pcs stonith confirm {old} once it is off; Pacemaker promotes by itself",
        "pcs resource cleanup RESOURCE",
    ),
    Manager(
        "Pgpool-II",
        ("pgpool",),
        ("pgpool",),
        "pcp_promote_node --switchover NODE-ID-OF-{new}",
        "pcp_promote_node NODE-ID-OF-{new}",
        "pcp_recovery_node NODE-ID-OF-{old}",
    ),
)

_HYPERVISORS = {
    "vmtoolsd": ("VMware", "PowerCLI: Get-VM {node} | Set-VM -HARestartPriority Disabled, and back to ClusterRestartPriority"),
    "hv_kvp_daemon": ("Hyper-V", "PowerShell: Get-ClusterGroup {node} | Format-List State, AutoFailbackType; Stop-ClusterGroup"),
    "qemu-ga": ("KVM", "Proxmox: ha-manager status, then ha-manager set vm:ID --state ignored, and back to started"),
    "xe-daemon": ("XenServer", "xe vm-param-set uuid=UUID-OF-{node} ha-restart-priority="),
}


def other_manager(case: Case) -> Item:
    """Return whether another tool moves this database, with the command that it has for what is planned."""
    nodes = (case.old, case.new)
    for manager in _MANAGERS:
        told = [sign for node in nodes for sign in _signs(manager, node)]
        if told:
            own = manager.switchover if case.old.role == "primary" else manager.failover
            return _taken(manager, told, own.format(old=case.old.name, new=case.new.name))
    return _keepalived(nodes) or _none_seen(nodes)


def other_manager_at(node: Node) -> Item:
    """Return whether another tool starts and stops this one instance."""
    for manager in _MANAGERS:
        told = _signs(manager, node)
        if told:
            return _taken(manager, told, manager.restart.format(old=node.name))
    if node.value("host.managers") is None:
        return _hidden(node.name)
    return ok(_OTHER, f"no process of another manager on the host of {node.name}", is_blocking=True)


def _taken(manager: Manager, told: list[str], own: str) -> Item:
    words = f"{manager.title} is in charge: {', '.join(dict.fromkeys(told))}; two that move one database break it"
    return failing(_OTHER, words, f"Use its own command: {own}", is_blocking=True)


def _keepalived(nodes: tuple[Node, ...]) -> Item | None:
    hosts = [node.name for node in nodes if "keepalived" in (node.value("host.managers") or ())]
    if not hosts:
        return None
    words = f"keepalived runs on the host of {', '.join(hosts)}: it moves an address, and by its scripts maybe a role, by itself"
    where = " and ".join(hosts)
    remedy = f"On {where}: grep -A2 notify /etc/keepalived/keepalived.conf; if one promotes: systemctl stop keepalived"
    return failing(_OTHER, words, remedy)


def _none_seen(nodes: tuple[Node, ...]) -> Item:
    # A dead primary says nothing of itself; its host may.
    hidden = [
        node.name for node in nodes if node.value("host.managers") is None or (node.role != "unknown" and not settings_of(node))
    ]
    if hidden:
        return _hidden(", ".join(hidden))
    titles = ", ".join(manager.title for manager in _MANAGERS)
    return ok(_OTHER, f"no sign of {titles} or keepalived", is_blocking=True)


def _hidden(names: str) -> Item:
    programs = "|".join(program for manager in _MANAGERS for program in manager.programs)
    words = f"nobody could look for another manager at {names}"
    return unseen(_OTHER, words, f"On the host of {names}: ps -e | grep -E '{programs}'", is_blocking=True)


def _signs(manager: Manager, node: Node) -> list[str]:
    """Return what tells of `manager` at `node`, in words."""
    settings = settings_of(node)
    named = ("cluster_name", "shared_preload_libraries", "primary_slot_name")
    places = [f"{key} = {settings[key]}" for key in named if key in settings]
    sessions: tuple[Sessions, ...] = node.value("sessions") or ()
    replicas: tuple[Replica, ...] = node.value("replicas") or ()
    for each in sessions:
        # The name that the session gives itself, or else its account's: either may be the tool's.
        places += [f"a session of {name}" for name in (each.application_name, each.user) if name]
    places += [f"a standby called {each.application_name}" for each in replicas]
    found = [f"{node.name} has {place}" for place in places if any(sign in place.lower() for sign in manager.signs)]
    running = [each for each in node.value("host.managers") or () if each in manager.programs]
    return [*(f"{each} runs on the host of {node.name}" for each in running), *found]


def hypervisor(case: Case) -> Item:
    """Return whether the machines may be started again by a hypervisor behind everybody's back."""
    return hypervisor_of((case.old, case.new))


def hypervisor_of(nodes: tuple[Node, ...]) -> Item:
    """Return the same of any nodes: from inside a machine nobody sees whether its hypervisor's HA is on."""
    name, guests, remedies, hidden = "hypervisor", [], [], []
    for node in nodes:
        managers = node.value("host.managers")
        if managers is None:
            hidden.append(node.name)
        for program in managers or ():
            if program in _HYPERVISORS:
                title, remedy = _HYPERVISORS[program]
                guests.append(f"{node.name} is a machine of {title} ({program})")
                remedies.append(remedy.format(node=node.name))
    if guests:
        words = f"{'; '.join(guests)}: whether its HA restarts or moves it by itself cannot be seen from inside"
        return unseen(name, words, f"Ask those who run it, and keep it off a fenced one. {'; '.join(dict.fromkeys(remedies))}")
    if hidden:
        return unseen(name, f"whether the host of {', '.join(hidden)} is a virtual machine was not seen", "systemd-detect-virt")
    return ok(name, "no guest tools of a hypervisor run on the hosts")
