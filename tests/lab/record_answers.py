"""Records what real primaries and standbys answer to the console's own statement.

`python -m tests.lab.record_answers [BIN-FOLDER ...]`; without folders the wheel's PostgreSQL and Debian's 15. Each one writes
`tests/unit/answers/MAJOR.json`; the primary has a slot that is lost, one that is about to be, and a web node's session. No path
of this machine is kept.
"""

import json
import sys
from pathlib import Path
from typing import Any

import psycopg

from ppsconsole.drivers.postgres_query import PRIVILEGES_SQL, Sight, status_sql
from tests.lab.pg_pair import MONITOR_PASSWORD, Node, Pair, end_pair, make_pair, until, wheel_binaries

ANSWERS = Path(__file__).parent.parent / "unit" / "answers"
DEBIAN = Path("/usr/lib/postgresql/15/bin")
_SWITCHES = 4  # segments of 16 MB behind a limit of 16 MB


def answer(node: Node) -> dict[str, Any]:
    """Return what a server answers to the statement that is made for it, and what it was made by."""
    place = f"host={node.address} port={node.port} user=monitor dbname=pps application_name=ppsconsole"
    with psycopg.connect(place, password=MONITOR_PASSWORD, autocommit=True) as connection:
        rights = connection.execute(PRIVILEGES_SQL).fetchone()
        assert rights == (True, True, True)
        version = connection.info.server_version
        (told,) = connection.execute(status_sql(Sight(version, True, True, True))).fetchone() or ({},)
    told["settings"]["data_directory"] = "/var/lib/postgresql/data"
    return {"version": version, "answer": told}


def played(pair: Pair) -> dict[str, Any]:
    """Return what both answer once there is something to tell."""
    primary = pair.primary
    primary.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'", "SELECT pg_reload_conf()")

    def left_behind(slot: str) -> None:
        primary.sql(f"SELECT pg_create_physical_replication_slot('{slot}', true)")
        for number in range(_SWITCHES):
            primary.sql(f"CREATE TABLE {slot}_{number} ()", "SELECT pg_switch_wal()")
        pair.await_streaming()

    def status(slot: str) -> str:
        return str(primary.sql(f"SELECT wal_status FROM pg_replication_slots WHERE slot_name = '{slot}'")[0][0])

    left_behind("gone")
    primary.sql("CHECKPOINT")
    until(lambda: status("gone") == "lost", "a slot to be lost")
    left_behind("going")
    until(lambda: status("going") == "unreserved", "a slot to be about to be lost")
    with psycopg.connect(f"host={primary.address} port={primary.port} user=postgres dbname=pps application_name=web1"):
        return {"primary": answer(primary), "standby": answer(pair.standby)}


def main(folders: list[str]) -> int:
    """Record all; return 0."""
    for folder in [Path(each) for each in folders] or [wheel_binaries(), DEBIAN]:
        pair = make_pair(folder)
        try:
            told = played(pair)
        finally:
            end_pair(pair)
        place = ANSWERS / f"{told['primary']['version'] // 10000}.json"
        place.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
        print(f"{place.name}: PostgreSQL {told['primary']['version']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
