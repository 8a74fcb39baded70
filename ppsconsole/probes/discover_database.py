"""Asks the database for its role, its identity and its partners: standbys are found from the primary, and it from them."""

from dataclasses import replace

from ppsconsole.clock import SystemClock
from ppsconsole.drivers.postgres import PostgresPool
from ppsconsole.drivers.postgres_query import PostgresStatus
from ppsconsole.drivers.ssh import SshPool
from ppsconsole.errors import DriverError, SecretError
from ppsconsole.inventory.answers import Answers, place
from ppsconsole.inventory.found import Found, FoundHost, FoundInstance
from ppsconsole.inventory.model import DatabaseGroup, DatabaseTls, Host, Instance
from ppsconsole.inventory.secret_forms import as_reference
from ppsconsole.masking import plain
from ppsconsole.probes.discover import named_host, provisional
from ppsconsole.probes.trials import Trials

LOOK_S = 10.0

_Seen = tuple[FoundInstance, PostgresStatus | None]


async def look_at_database(
    answers: Answers, found: Found, hosts: dict[str, Host], ssh: SshPool, trials: Trials
) -> tuple[tuple[FoundInstance, ...], tuple[tuple[str, str], ...]]:
    """Return the instances, the primary first, and the addresses of partners that are on no named host.

    Raises:
        UsageError: The database's host is none of those that were named.
    """
    address, port = place(answers.db, 5432)
    first = named_host(address, found, "--db")
    aliases = () if address.lower() in first.names else (address,)
    seen: dict[str, _Seen] = {}
    strangers: dict[str, str] = {}
    waiting = [(first, port)]
    while waiting:
        host, at_port = waiting.pop(0)
        if host.name in seen:
            continue
        where = f"PostgreSQL at {host.name} port {at_port}"
        looked = await trials.watch(
            where, _ask(answers, host, at_port, hosts, ssh, found.obstacle(host)), lambda one: _told(one[0])
        )
        seen[host.name] = looked
        for partner in _partners(looked[1]):
            named = found.host(partner)
            if named is None:
                strangers[partner] = f"{host.name} replicates with it"
            else:
                waiting.append((named, at_port))
    known = [each for each, status in seen.values() if _is_ours(status, seen[first.name][1])]
    instances = [replace(each, aliases=aliases) if each.host == first.name else each for each in known]
    return tuple(sorted(instances, key=lambda each: each.role != "primary")), tuple(strangers.items())


def _is_ours(status: PostgresStatus | None, first: PostgresStatus | None) -> bool:
    """Return whether an instance is of the same cluster as the first one; one that did not answer counts as such."""
    return status is None or first is None or status.system_identifier == first.system_identifier


async def _ask(answers: Answers, host: FoundHost, port: int, hosts: dict[str, Host], ssh: SshPool, obstacle: str) -> _Seen:
    if obstacle:
        return FoundInstance(host.name, port, "unknown", trouble=obstacle), None
    instance = Instance(host.name, host.login.place, port=port)
    reference = as_reference(answers.db_password_ref) if answers.db_password_ref else None
    group = DatabaseGroup(
        "postgres",
        answers.db_name,
        {instance.name: instance},
        user=answers.db_user,
        password=reference,
        tls=DatabaseTls(answers.db_tls or "prefer"),  # type: ignore[arg-type]
    )
    pool = PostgresPool(provisional(hosts, group), ssh, SystemClock(), lambda command: None)
    try:
        status = await pool.status(instance, timeout_s=LOOK_S)
    except (DriverError, SecretError) as error:
        return FoundInstance(host.name, port, "unknown", trouble=plain(str(error), 500)), None
    finally:
        await pool.aclose()
    receiver = status.receiver
    sender = (receiver.sender_host, receiver.sender_port) if receiver and receiver.sender_host and receiver.sender_port else None
    return (
        FoundInstance(
            host.name,
            port,
            "standby" if status.in_recovery else "primary",
            status.system_identifier,
            plain(status.data_directory or "", 300),
            sender=sender,
        ),
        status,
    )


def _partners(status: PostgresStatus | None) -> tuple[str, ...]:
    if status is None:
        return ()
    standbys = [each.client_addr for each in status.replicas or () if each.client_addr]
    upstream = [status.receiver.sender_host] if status.receiver and status.receiver.sender_host else []
    return tuple(dict.fromkeys([*standbys, *upstream]))


def _told(instance: FoundInstance) -> str:
    if instance.trouble:
        return f"NOT ASKED: {instance.trouble}"
    return f"{instance.role}, system {instance.system_identifier}, data in {instance.data_directory or '(not told)'}"
