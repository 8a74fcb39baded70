"""Count and hash everything that a database holds, by psql on a host, so that a copy can be compared with what it was made of.

The console's own account may not read the tables of PPS, and nothing of them travels: only numbers leave the host. A row is
hashed as the text that the server itself makes of it, and the hashes of a table are added up: where the rows lie, which is
another place after a restore, does not matter.
"""

import shlex
from collections.abc import Sequence

from ppsconsole.cluster.database_sums import DatabaseSums, TableSum
from ppsconsole.cluster.told import told_json
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import BadAnswer
from ppsconsole.masking import plain

# No single quote in any of it: plans show these lines as the shell gets them. Names that begin with pg_ are PostgreSQL's own.
_OF_USERS = "{}::regnamespace::text !~ $$^(pg_|information_schema$)$$"
_RELATIONS = f"FROM pg_class WHERE relpersistence <> $$t$$ AND {_OF_USERS.format('relnamespace')} AND relkind"

# Whatever changes the text of a row; parallel workers also for tables of a few megabytes.
_SETTINGS = (
    "SET search_path = pg_catalog; SET client_encoding = UTF8; SET DateStyle = ISO, YMD; SET IntervalStyle = postgres; "
    "SET TimeZone = $$UTC$$; SET extra_float_digits = 1; SET bytea_output = hex; SET xmloption = content; "
    "SET lc_monetary = $$C$$; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET row_security = off; "
    "SET jit = off; SET min_parallel_table_scan_size = $$1MB$$; SET parallel_setup_cost = 100; SET parallel_tuple_cost = 0.01;"
)
_TABLES = (
    "SELECT format($f$SELECT json_build_array($$table$$, %L, count(*), "
    'COALESCE(sum(hashtextextended((r.*)::text COLLATE "C", 0)), 0)::text) FROM ONLY %s AS r$f$, oid::regclass, oid::regclass) '
    f"{_RELATIONS} = $$r$$ ORDER BY pg_relation_size(oid) DESC \\gexec"
)
_SEQUENCES = (
    "SELECT format($f$SELECT json_build_array($$sequence$$, %L, last_value::text || CASE WHEN is_called THEN $$$$ "
    f"ELSE $$ unused$$ END) FROM %s$f$, oid::regclass, oid::regclass) {_RELATIONS} = $$S$$ ORDER BY 1 \\gexec"
)
# By their contents and not by pg_largeobject's pages: a hole comes back from a dump as pages of zeros.
_LARGE_OBJECTS = (
    "SELECT json_build_array($$large objects$$, count(*), COALESCE(sum(hashtextextended(oid::text || "
    "encode(sha256(lo_get(oid)), $$hex$$), 0)), 0)::text) FROM pg_largeobject_metadata;"
)
_EXTENSIONS = "SELECT json_build_array($$extension$$, extname, extversion) FROM pg_extension;"
# NOT NULL is a constraint of its own only since PostgreSQL 18: a copy on a newer server has more of them.
_OBJECTS = (
    "SELECT json_build_array($$objects$$, kind, count(*)) FROM ("
    "SELECT CASE relkind WHEN $$i$$ THEN $$indexes$$ WHEN $$I$$ THEN $$partitioned indexes$$ WHEN $$v$$ THEN $$views$$ "
    "WHEN $$m$$ THEN $$materialized views$$ WHEN $$p$$ THEN $$partitioned tables$$ ELSE $$other relations$$ END "
    f"{_RELATIONS} NOT IN ($$r$$, $$S$$, $$t$$) "
    f"UNION ALL SELECT $$functions$$ FROM pg_proc WHERE {_OF_USERS.format('pronamespace')} "
    f"UNION ALL SELECT $$constraints$$ FROM pg_constraint WHERE contype <> $$n$$ AND {_OF_USERS.format('connamespace')} "
    "UNION ALL SELECT $$triggers$$ FROM pg_trigger WHERE NOT tgisinternal "
    "UNION ALL SELECT $$policies$$ FROM pg_policy) AS found (kind) GROUP BY kind;"
)
_END = "SELECT json_build_array($$end$$);"


def psql_command(psql: str, connection: str, *lines: str, variables: str = "") -> str:
    """Return the shell command that gives `lines` to psql on a host; it ends with a status that is not 0 at the first mistake.

    Args:
        psql: Its path there.
        connection: libpq's keywords, `dbname` among them and never a password (but a `passfile`).
        lines: SQL and psql's own commands; no secret in them, they are part of the command.
        variables: For psql's own variables, as shell text: `-v name=value `.
    """
    text = " ".join(shlex.quote(line) for line in lines)
    options = f"-XAtq -w -v ON_ERROR_STOP=1 {variables}-d {shlex.quote(connection)} -f -"
    return f"printf '%s\\n' {text} | LC_ALL=C {shlex.quote(psql)} {options}"


def sums_command(psql: str, connection: str, *, snapshot: str = "", workers: int = 2) -> str:
    """Return the shell command that counts and hashes the database that `connection` leads to; `parse_sums` reads its answer.

    Args:
        psql: Its path on the host that it runs on.
        connection: libpq's keywords, see `psql_command`; an account that may read everything, as for a dump.
        snapshot: One that was exported and is still held, so that it sees what a dump of that snapshot sees; or the shell's
            variable that has it, as `"$s"`. Empty for now.
        workers: How many processes read a large table at the same time.
    """
    parallel = f"SET max_parallel_workers_per_gather = {max(0, workers - 1)};"
    parts = (_TABLES, _SEQUENCES, _LARGE_OBJECTS, _EXTENSIONS, _OBJECTS)
    return _reading(psql, connection, snapshot, (_SETTINGS, parallel), parts)


def sequences_command(psql: str, connection: str, *, snapshot: str) -> str:
    """Return the shell command that tells where the sequences stand now, of those that a snapshot has; see `sums_command`.

    Their values are those of now also in a snapshot, so what a dump of it has lies between two answers.
    """
    return _reading(psql, connection, snapshot, (_SETTINGS,), (_SEQUENCES,))


def _reading(psql: str, connection: str, snapshot: str, settings: Sequence[str], parts: Sequence[str]) -> str:
    beginning = ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"]
    variables = ""
    if snapshot:
        beginning.append("SET TRANSACTION SNAPSHOT :'snapshot';")
        word = snapshot if snapshot.startswith('"$') else shlex.quote(snapshot)
        variables = f"-v snapshot={word} "
    return psql_command(psql, connection, *settings, *beginning, *parts, "COMMIT;", _END, variables=variables)


def parse_sums(result: CommandResult) -> DatabaseSums:
    """Return what the answer to `sums_command` says.

    Raises:
        BadAnswer: psql failed, or its answer is cut off or not such an answer.
    """
    if result.exit_status != 0:
        raise BadAnswer(f"the database was not counted: {plain(result.stderr, 300) or f'status {result.exit_status}'}")
    tables: dict[str, TableSum] = {}
    sequences: dict[str, str] = {}
    extensions: dict[str, str] = {}
    objects: dict[str, int] = {}
    large, is_whole = TableSum(0), False
    try:
        for line in filter(None, map(str.strip, result.stdout.splitlines())):
            kind, *rest = told_json(line)
            match kind:
                case "table":
                    tables[plain(str(rest[0]), 200)] = TableSum(int(rest[1]), str(int(rest[2])))
                case "sequence":
                    sequences[plain(str(rest[0]), 200)] = plain(str(rest[1]), 60)
                case "large objects":
                    large = TableSum(int(rest[0]), str(int(rest[1])))
                case "extension":
                    extensions[plain(str(rest[0]), 200)] = plain(str(rest[1]), 60)
                case "objects":
                    objects[plain(str(rest[0]), 60)] = int(rest[1])
                case "end":
                    is_whole = True
    except (ValueError, TypeError, IndexError) as error:
        raise BadAnswer(f"the answer is no count of a database: {plain(result.stdout, 120)}") from error
    if not is_whole:
        raise BadAnswer("the count of the database was cut off")
    return DatabaseSums(tables, sequences, large, extensions, objects)
