"""What is checked before a promotion. What blocks a switchover only costs a failover something, but for a few things."""

from collections.abc import Callable
from dataclasses import replace

from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks import items_access as access
from ppsconsole.runbooks import items_balancer as balancer
from ppsconsole.runbooks import items_console as console
from ppsconsole.runbooks import items_copy as copy
from ppsconsole.runbooks import items_death as death
from ppsconsole.runbooks import items_identity as identity
from ppsconsole.runbooks import items_login as login
from ppsconsole.runbooks import items_manager as manager
from ppsconsole.runbooks import items_product as product
from ppsconsole.runbooks import items_server as server
from ppsconsole.runbooks import items_settings as settings
from ppsconsole.runbooks import items_slots as slots
from ppsconsole.runbooks import items_stream as stream
from ppsconsole.runbooks import items_tried as tried
from ppsconsole.runbooks import other_standbys as others
from ppsconsole.runbooks.case import Case

Check = Callable[[Case], Item]

_CONSOLE: tuple[Check, ...] = (console.secrets, console.journal, access.clocks, access.disk)
_PRODUCT: tuple[Check, ...] = (
    access.automatic_return,
    access.certificate,
    product.login_check,
    product.versions,
    product.backup,
    product.encryption_key,
    product.keys_on_target,
    product.licence,
)
"""What surrounds the databases, asked before anything that moves the service for good."""

_SWITCHOVER: tuple[Check, ...] = (
    stream.fresh_facts,
    stream.same_cluster,
    identity.identities,
    identity.data_directories,
    identity.same_server,
    manager.other_manager,
    manager.hypervisor,
    stream.streaming,
    stream.lag,
    stream.timelines,
    stream.replay,
    stream.apply_delay,
    settings.synchronous,
    settings.writable,
    settings.parameters,
    settings.hot_standby,
    settings.wal_level,
    settings.server_versions,
    tried.tried_version,
    settings.libraries,
    settings.collations,
    slots.senders,
    login.replication_login,
    others.other_standbys,
    slots.slots,
    slots.standby_slot,
    slots.logical_slots,
    slots.walsenders,
    server.archiver,
    server.archiving_after,
    stream.prepared,
    stream.transactions,
    server.foreign_sessions,
    stream.retry_interval,
    settings.rewindable,
    access.logins,
    access.services,
    access.at_boot,
    *_CONSOLE,
    access.web_nodes,
    access.web_switch,
    product.members,
    balancer.configuration,
    *_PRODUCT,
)

_FAILOVER: tuple[Check, ...] = (
    death.dead,
    death.fence,
    death.candidate,
    stream.same_cluster,
    identity.data_directories,
    identity.same_server,
    access.login_new,
    manager.other_manager,
    manager.hypervisor,
    access.web_nodes,
    access.web_switch,
    product.members,
    balancer.configuration_later,
    access.services,
    access.logins,
    stream.timelines,
    stream.replay,
    stream.apply_delay,
    settings.synchronous,
    settings.writable,
    settings.wal_level,
    tried.tried_version,
    settings.libraries,
    settings.collations,
    settings.rewindable,
    slots.senders,
    login.replication_login,
    others.other_standbys,
    slots.slots,
    stream.retry_interval,
    access.at_boot,
    *_CONSOLE,
    *_PRODUCT,
)

_OF_A_STREAM = frozenset(
    (
        stream.same_cluster,
        stream.timelines,
        stream.replay,
        stream.apply_delay,
        stream.retry_interval,
        settings.synchronous,
        settings.wal_level,
        settings.rewindable,
        slots.senders,
        login.replication_login,
        slots.slots,
        others.other_standbys,
    )
)
"""What a snapshot copy, which is a system of its own, is not asked for."""

_RESTORE: tuple[Check, ...] = (
    copy.in_use,
    copy.target,
    copy.dump_logins,
    copy.outage,
    copy.web_nodes_quiet,
    copy.versions,
    tried.tried_version,
    identity.identities,
    identity.data_directories,
    manager.other_manager,
    access.logins,
    access.services,
    access.web_nodes,
    access.web_switch,
    product.members,
    balancer.configuration,
    *_CONSOLE,
    *_PRODUCT,
    copy.left_behind,
)

# A cluster that is down is not kept down by what can be mended afterwards; it is by what would make two writers, or bring
# nobody back.
_BLOCKS_FAILOVER = frozenset(
    (
        *("primary-dead", "same-cluster", "data-directories", "same-server", "login-new-primary", "other-manager"),
        *("journal", "web-nodes", "web-switch", "members"),
    )
)


def preflight_switchover(case: Case) -> tuple[Item, ...]:
    """Return everything that is checked before a switchover, in the order in which it is told."""
    return tuple(check(case) for check in _SWITCHOVER)


def preflight_restore(case: Case) -> tuple[Item, ...]:
    """Return everything that is checked before a restore; `case.old` is the source, `case.new` the target."""
    return tuple(check(case) for check in _RESTORE)


def preflight_snapshot(case: Case) -> tuple[Item, ...]:
    """Return what is checked before a snapshot copy is made the primary."""
    items = (check(case) for check in _FAILOVER if check not in _OF_A_STREAM)
    return tuple(replace(item, is_blocking=item.is_blocking and item.name in _BLOCKS_FAILOVER) for item in items)


def preflight_failover(case: Case) -> tuple[Item, ...]:
    """Return everything that is checked before a failover; few things may keep a cluster down."""
    items = (check(case) for check in _FAILOVER)
    return tuple(replace(item, is_blocking=item.is_blocking and item.name in _BLOCKS_FAILOVER) for item in items)
