"""What an alternate server holds: which copies are in its own database server, asked by psql on its host.

The console's own account is none there: the server is apart from the group, and only its host lets anybody in.
"""

import shlex
from functools import partial

from ppsconsole.cluster.copies import Copy, copy_of
from ppsconsole.cluster.facts import node_subject
from ppsconsole.cluster.told import told_json
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.service import parse_status, status_command
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.inventory.model import Host, Inventory, Service
from ppsconsole.masking import plain
from ppsconsole.probes.host import Part
from ppsconsole.probes.keys import keys_part
from ppsconsole.probes.per_host import own_parts
from ppsconsole.probes.rights import rights_part
from ppsconsole.probes.service import service_part

NAMES = ("sql", "version", "system_identifier", "copies", "databases")
SERVICE_NAMES = ("database_service",)

_LIMIT_S = 3
_ASKED = (
    "SELECT json_build_object('identifier', (SELECT system_identifier::text FROM pg_control_system()), "
    "'version', current_setting('server_version_num')::int, 'databases', (SELECT json_agg(json_build_object("
    "'name', datname, 'comment', shobj_description(oid, 'pg_database'), 'bytes', pg_database_size(oid)) ORDER BY datname) "
    "FROM pg_database WHERE NOT datistemplate))"
)
_WORDS = (
    ("connection refused", "refused"),
    ("starting up", "starting"),
    ("not yet accepting", "starting"),
    ("shutting down", "stopping"),
    ("authentication failed", "login-refused"),
    ("no password supplied", "login-refused"),
)


def alternate_parts(inventory: Inventory, host: Host) -> tuple[Part | None, ...]:
    """Return what `host` is asked about the alternate servers whose PPS or whose database runs on it."""
    polling, found = inventory.polling, list[Part | None]()
    for alternate in inventory.alternates.values():
        if alternate.host == host.name:
            found.append(service_part(alternate.name, alternate.service, polling.every_s, is_product=True))
            found.append(rights_part(alternate.name, alternate.service))
            if host.platform == "linux":  # Windows hosts are not asked yet
                found.append(keys_part(alternate.as_web_node(), polling.slow_every_s))
                found += own_parts(inventory, alternate)
        if alternate.database_host == host.name:
            found.append(_copies_part(alternate, polling.every_s * 4))
            if alternate.database.service is not None:
                found.append(_service_part(alternate.name, alternate.database.service, polling.every_s * 2))
    return tuple(found)


def copies_command(alternate: Alternate) -> str:
    """Return the command that asks for everything that `parse_copies` reads."""
    psql = f"{alternate.database.bin_directory}/psql" if alternate.database.bin_directory else "psql"
    connection = f"{alternate.database.maintenance} dbname=postgres"
    return (
        f"PGCONNECT_TIMEOUT={_LIMIT_S} LC_ALL=C timeout {_LIMIT_S} "
        f"{shlex.quote(psql)} -XAtqw -d {shlex.quote(connection)} -c {shlex.quote(_ASKED)} 2>&1"
    )


def parse_copies(result: CommandResult) -> dict[str, object]:
    """Return the facts by name; where psql got no answer only `sql`, which says why.

    Raises:
        ValueError: What came back is no answer to the question.
    """
    text = result.stdout.strip()
    if result.exit_status != 0:
        said = text or plain(result.stderr)
        word = next((word for words, word in _WORDS if words in said.lower()), "error")
        return {"sql": "timed-out" if result.exit_status == 124 else word, "detail": plain(said, 200)}
    try:
        found = told_json(text)
        named = [(str(each["name"]), each["comment"], int(each["bytes"])) for each in found["databases"]]
        version, identifier = int(found["version"]), str(found["identifier"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"not an answer about copies: {plain(text, 80)}") from error
    copies: list[Copy] = []
    for name, comment, count in named:
        made = copy_of(plain(name, 80), None if comment is None else plain(str(comment), 600), count)
        copies += [made] if made is not None else []
    return {
        "sql": "ok",
        "version": version,
        "system_identifier": plain(identifier, 40),
        "copies": tuple(copies),
        "databases": tuple(plain(name, 80) for name, _, _ in named),
    }


def _copies_part(alternate: Alternate, every_s: float) -> Part:
    command = copies_command(alternate)
    return Part(f"copies.{alternate.name}", node_subject(alternate.name), NAMES, command, every_s, parse_copies)


def _service_part(name: str, service: Service, every_s: float) -> Part | None:
    command = status_command(service)
    if command is None:
        return None
    parse = partial(_parse_service, service)
    return Part(f"database-service.{name}", node_subject(name), SERVICE_NAMES, command, every_s, parse)


def _parse_service(service: Service, result: CommandResult) -> dict[str, object]:
    status = parse_status(service, result)
    return {"database_service": None if status.state == "unknown" else status.state, "detail": status.detail}
