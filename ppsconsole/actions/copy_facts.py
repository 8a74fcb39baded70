"""What has to be known of two servers before a database of one is copied to the other: versions, sizes, roles, room."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.copying import LOOK_S, asked
from ppsconsole.actions.places import data_directory_of, host_of, instance_of, program_of
from ppsconsole.cluster.judging import size as size_said
from ppsconsole.errors import BadAnswer
from ppsconsole.masking import plain

_DUMP_SHARE = 1.25
"""A dump that is not compressed is mostly smaller than its tables; text of numbers and dates may be larger."""
_RESTORED_SHARE = 2.0
"""The copy itself, and as much log: what is written is logged, and log is recycled late."""

# Who owns what, and who was granted what, in the database and on it; the first superuser stands in none of it.
_ROLES = (
    "(SELECT json_agg(DISTINCT r.rolname) FROM pg_shdepend AS s JOIN pg_roles AS r ON r.oid = s.refobjid "
    "WHERE s.refclassid = 'pg_authid'::regclass AND (s.dbid = me.oid OR (s.classid = 'pg_database'::regclass "
    "AND s.objid = me.oid)))"
)
_SOURCE = (
    "SELECT json_build_object('version', current_setting('server_version_num')::int, 'in_recovery', pg_is_in_recovery(), "
    "'bytes', pg_database_size(me.oid), 'owner', pg_get_userbyid(me.datdba), 'encoding', pg_encoding_to_char(me.encoding), "
    "'collate', me.datcollate, 'ctype', me.datctype, 'limit', me.datconnlimit, "
    "'provider', to_json(me) ->> 'datlocprovider', "
    "'locale', COALESCE(to_json(me) ->> 'datlocale', to_json(me) ->> 'daticulocale'), "
    "'rules', to_json(me) ->> 'daticurules', "
    "'grants', (SELECT json_agg(json_build_array(COALESCE(r.rolname, ''), a.privilege_type, a.is_grantable)) "
    "FROM aclexplode(me.datacl) AS a LEFT JOIN pg_roles AS r ON r.oid = a.grantee), "
    "'comment', shobj_description(me.oid, 'pg_database'), "
    "'table_bytes', (SELECT COALESCE(sum(pg_table_size(c.oid)), 0) FROM pg_class AS c WHERE c.relkind IN ('r', 'm') "
    "AND c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema'))), "
    "'settings', (SELECT json_agg(json_build_array(COALESCE(r.rolname, ''), s.setconfig)) FROM pg_db_role_setting AS s "
    "LEFT JOIN pg_roles AS r ON r.oid = s.setrole WHERE s.setdatabase = me.oid), "
    f"'roles', {_ROLES}, 'extensions', (SELECT json_agg(extname) FROM pg_extension), "
    "'tablespaces', (SELECT json_agg(DISTINCT t.spcname) FROM pg_class AS c JOIN pg_tablespace AS t ON t.oid = c.reltablespace "
    "WHERE t.spcname NOT LIKE 'pg\\_%'), "
    "'prepared', (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()), "
    "'is_super', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)) "
    "FROM pg_database AS me WHERE me.datname = current_database();"
)
_TARGET = (
    "SELECT json_build_object('version', current_setting('server_version_num')::int, 'in_recovery', pg_is_in_recovery(), "
    "'roles', (SELECT json_agg(rolname) FROM pg_roles), 'extensions', (SELECT json_agg(name) FROM pg_available_extensions), "
    "'tablespaces', (SELECT json_agg(spcname) FROM pg_tablespace), "
    "'sync', current_setting('synchronous_standby_names'), "
    "'has_sync', EXISTS (SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')), "
    "'idle_slots', (SELECT json_agg(slot_name) FROM pg_replication_slots WHERE NOT active), "
    "'is_super', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user));"
)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """The database that is copied.

    Attributes:
        version: `server_version_num`.
        size: The whole of it on disk, in bytes.
        table_size: Its tables without indexes, in bytes.
        found: All of it as the server told it, for making another one like it.
    """

    version: int
    size: int
    table_size: int
    found: Mapping[str, Any]

    @property
    def room(self) -> int:
        """Bytes that a dump of it and a copy of it need together."""
        return round(self.table_size * _DUMP_SHARE + self.size * _RESTORED_SHARE)

    def names(self, kind: str) -> list[str]:
        """Return names of one kind, e.g. `roles`."""
        return sorted(self.found.get(kind) or ())


async def source_facts(bench: Workbench, here: str, source: str) -> SourceFacts:
    """Return what the PPS database of the instance `source` is, asked from the host of `here`.

    Raises:
        DriverError: It could not be asked.
    """
    rows = await asked(bench, here, source, bench.inventory.database.database, "SET search_path = pg_catalog;", _SOURCE)
    if len(rows) != 1 or not isinstance(rows[0], dict):
        raise BadAnswer("it did not tell what its database is", where=source)
    found = rows[0]
    return SourceFacts(int(found["version"]), int(found["bytes"]), int(found["table_bytes"]), found)


async def source_lacks(source: str, facts: SourceFacts) -> list[str]:
    """Return why the database of `source` cannot be copied, each in words."""
    lacks = []
    if facts.found["in_recovery"]:
        lacks.append(f"{source} is a standby")
    if not facts.found["is_super"]:
        lacks.append(f"the account that dumps {source} is no superuser: a dump of what it may not read fails half-way")
    if facts.found["prepared"]:
        count = int(facts.found["prepared"])
        lacks.append(f"{source} has {count} prepared transactions, which no dump has: commit them or roll them back")
    return lacks


async def target_lacks(
    bench: Workbench, target: str, facts: SourceFacts, *, is_promoted_first: bool = False
) -> tuple[list[str], Mapping[str, Any]]:
    """Return why the running server of `target` cannot take the database, each in words; and what it told of itself.

    Args:
        bench: To ask with.
        target: An instance that runs.
        facts: What it has to take.
        is_promoted_first: It is a standby still, and will be none when it has to take the database.

    Raises:
        DriverError: It could not be asked.
    """
    rows = await asked(bench, target, target, "postgres", "SET search_path = pg_catalog;", _TARGET)
    found: Mapping[str, Any] = rows[0]
    lacks = []
    if found["in_recovery"] and not is_promoted_first:
        lacks.append(f"{target} is a standby: nothing can be restored there")
    if not found["is_super"]:
        lacks.append(f"the account for {target} in `dumps` of {target} is no superuser: it cannot restore what others own")
    if int(found["version"]) // 10000 < facts.version // 10000:
        lacks.append(f"{target} is PostgreSQL {int(found['version']) // 10000}, older than {facts.version // 10000}")
    for kind, words in (("roles", "role"), ("extensions", "extension"), ("tablespaces", "tablespace")):
        missing = sorted(set(facts.names(kind)) - set(found.get(kind) or ()))
        if missing:
            lacks.append(f"{target} has no {words} {', '.join(plain(each, 80) for each in missing)}")
    if found["sync"] and not found["has_sync"]:
        sync = plain(str(found["sync"]), 80)
        lacks.append(
            f"{target} waits for synchronous_standby_names = '{sync}', and no such standby is there: no commit would end"
        )
    return lacks, found


def tools_command(bench: Workbench, node: str) -> str:
    """Return the command that tells the programs' versions and the room on the host of `node`; `tools_lack` reads its answer."""
    instance = instance_of(bench.inventory, node)
    folder = shlex.quote(data_directory_of(instance))
    programs = "; ".join(
        f"echo program {name} $({shlex.quote(program_of(instance, name))} --version 2>&1)"
        for name in ("pg_dump", "pg_restore", "psql")
    )
    return f"{programs}; echo data $(cat {folder}/PG_VERSION); echo room $(df -Pk {folder} | tail -n 1)"


async def tools_lack(bench: Workbench, node: str, facts: SourceFacts) -> list[str]:
    """Return why the programs or the disk of the host of `node` cannot copy what `facts` describes, each in words.

    Raises:
        DriverError: The host could not be asked.
    """
    host = host_of(bench.inventory, node).name
    result = await bench.hosts.look(host, tools_command(bench, node), timeout_s=LOOK_S)
    lacks, needed = [], facts.version // 10000
    for line in result.stdout.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "program":
            name, _, said = rest.partition(" ")
            version = re.search(r"\(PostgreSQL\) (\d+)", said)
            if version is None:
                lacks.append(f"{name} does not run on {host}: {plain(said, 120) or 'no answer'}")
            elif int(version[1]) < needed:
                lacks.append(f"{name} on {host} is of PostgreSQL {version[1]}, the server of {needed}: it would dump too little")
        elif kind == "data" and rest.strip().isdigit() and int(rest) < needed:
            lacks.append(f"{node} is PostgreSQL {rest.strip()}, older than {needed}")
        elif kind == "room":
            lacks += _room_lacks(host, rest.split(), facts.room)
    if "room " not in result.stdout:
        lacks.append(f"how much room there is on {host} was not told: {plain(result.stderr, 120)}")
    return lacks


async def waits_lack(bench: Workbench, node: str) -> list[str]:
    """Return whether the server of `node`, which is down, would wait for a synchronous standby once it runs, in words.

    Raises:
        DriverError: The host could not be asked.
    """
    instance = instance_of(bench.inventory, node)
    program, folder = shlex.quote(program_of(instance, "postgres")), shlex.quote(data_directory_of(instance))
    command = f"{program} -D {folder} -C synchronous_standby_names"
    result = await bench.hosts.look(host_of(bench.inventory, node).name, command, timeout_s=LOOK_S)
    names = plain(result.stdout.strip(), 80)
    if result.exit_status != 0 or not names:
        return []  # what cannot be told now is looked at again when it runs
    return [f"{node} would wait for synchronous_standby_names = '{names}': empty it in its configuration first"]


def _room_lacks(host: str, columns: list[str], needed: int) -> list[str]:
    """`columns` as `df -Pk` gives them: file system, size, used, available in kB, percent, mounted on."""
    if len(columns) < 6 or not columns[3].isdigit():
        return [f"how much room there is on {host} was not told"]
    free = int(columns[3]) * 1024
    if free >= needed:
        return []
    place = plain(" ".join(columns[5:]), 80)
    return [f"{host} has {size_said(free)} left on {place}; dump, copy and their log take up to {size_said(needed)}"]
