"""Four databases: what becomes of the standbys beside the new primary, and a snapshot copy that takes its place.

On the machine's own PostgreSQL where there is one: it is another major version than the bundled one, which all other labs run.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ppsconsole.cluster.copies import Copy
from tests.lab.conftest import Lab, running_lab, wait_for
from tests.lab.test_loss_truth import load_on, open_plan, reported, told, write_on
from tests.lab.test_rejoin import IDLE, LIMIT_S, ran, verbs

RECEIVES = "SELECT status, received_tli, sender_host FROM pg_stat_wal_receiver"
STARTED = "SELECT pg_postmaster_start_time()"
DATABASES = ("db1", "db2", "db3", "db4")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    programs = "system" if systems_own() else "bundled"
    with running_lab(tmp_path_factory.mktemp("standbys"), "--profile", "standbys", "--postgres", programs) as made:
        yield made


def systems_own() -> list[Path]:
    return list(Path("/usr/lib/postgresql").glob("1[2-7]/bin/pg_basebackup"))


def all_follow(lab: Lab, primary: str, timeline: int, *names: str) -> None:
    for name in names:
        wanted = [("streaming", timeline, lab.address(primary))]
        wait_for(lambda name=name, wanted=wanted: lab.sql(RECEIVES, name) == wanted, f"{name} follows {primary}", LIMIT_S)


def no_slot_is_idle(lab: Lab) -> None:
    for name in DATABASES:
        wait_for(lambda name=name: lab.sql(IDLE, name) == [], f"no idle slot on {name}", LIMIT_S)


def test_these_labs_run_another_major_version_than_all_others(lab: Lab) -> None:
    if not systems_own():
        pytest.skip("no PostgreSQL of the system here")
    assert lab.state["postgres"]["bin"].startswith("/usr/lib/postgresql")


def test_a_failover_takes_the_other_standbys_along_and_what_wrote_alone_is_rewound(lab: Lab, tmp_path: Path) -> None:
    started = {name: lab.sql(STARTED, name) for name in ("db3", "db4")}
    with load_on(lab, tmp_path / "load.json") as verification:
        write_on(lab, "db1")
        lab.fault("disconnect", "db1", "--link", "replication")
        write_on(lab, "db1")
        lab.fault("kill", "db1")
        wal = lab.home("db1") / "data" / "pg_wal"
        wal.rename(wal.with_name("pg_wal.away"))
        ran(lab, "failover", "--to", "db2", loss="10m")
        all_follow(lab, "db2", 2, "db3", "db4")
    phases = {step["id"]: step["phase"] for step in reported(lab)["steps"]}
    assert (phases["repoint-db3"], phases["check-following-db4"]) == ("done", "done")
    missed = [name for name, phase in phases.items() if phase != "done"]
    assert missed == ["salvage", "keep-lost-writes"], "its log could not be read"
    assert verification["lost"]
    assert {name: lab.sql(STARTED, name) for name in started} == started, "nobody was stopped for it"

    lab.heal()
    wal.with_name("pg_wal.away").rename(wal)
    ran(lab, "rejoin", "db1")
    report = reported(lab)
    assert [verb for verb in verbs(report) if verb in ("rewind", "repoint")] == ["rewind"]
    assert report["lost_writes"]["count"] >= len(verification["lost"])
    all_follow(lab, "db2", 2, "db1")
    no_slot_is_idle(lab)


def test_a_switchover_takes_them_along_as_well_and_no_slot_is_left_behind(lab: Lab) -> None:
    started = {name: lab.sql(STARTED, name) for name in ("db3", "db4")}
    ran(lab, "switchover", "--to", "db1")
    report = reported(lab)
    assert (report["loss"]["said"], {step["phase"] for step in report["steps"]}) == ("none (proved)", {"done"})
    all_follow(lab, "db1", 3, "db2", "db3", "db4")
    assert {name: lab.sql(STARTED, name) for name in started} == started
    no_slot_is_idle(lab)


# --- a snapshot copy --------------------------------------------------------------------------------------------------


class SnapshotLab(Lab):
    """The same lab as another inventory sees it: db1, and db3 as a snapshot copy of it."""

    @property
    def inventory(self) -> Path:
        return self.folder.parent / "snapshot.yaml"


def with_snapshot(lab: Lab) -> tuple[SnapshotLab, float]:
    """Make db3 a server of its own, restore a dump of db1 there, and mark it; return when the dump was begun."""
    told = yaml.safe_load(lab.inventory.read_text())
    instances = {name: told["database"]["instances"][name] for name in ("db1", "db3")}
    here, there = (f"'{instances['db3']['dumps'][name]} dbname=%s'" for name in ("db3", "db1"))
    made = (
        "db-service stop && mv data data.was && awk -F: '$4 == \"postgres\" { print $5 }' etc/pgpass >password && "
        "initdb -D data -U postgres -A scram-sha-256 --pwfile=password -N --data-checksums >/dev/null && rm password && "
        "cp data.was/postgresql.conf data/ && db-service start"
    )
    roles = f"pg_dumpall --roles-only -d {there % 'postgres'} | psql -Xq -d {here % 'postgres'}"  # postgres is there already
    dumped = f"pg_dump -C -d {there % 'pleasant'} | psql -Xq -v ON_ERROR_STOP=1 -d {here % 'postgres'} >/dev/null"
    done = lab.ssh("db3", made, roles)
    assert [each.exit_status for each in done] == [0, 0], done
    taken_at = time.time()
    comment = Copy("pleasant", "hourly", "lab", taken_at, "", is_verified=True).comment()
    marked = f"psql -Xq -d {here % 'postgres'}"
    [done] = lab.ssh("db3", dumped)
    assert done.exit_status == 0, done.stderr
    [done] = lab.ssh("db3", marked, stdin=f"COMMENT ON DATABASE pleasant IS $${comment}$$;")
    assert done.exit_status == 0, done.stderr

    for each in instances.values():
        for ways in (each["upstreams"], each["dumps"]):
            for name in set(ways) - set(instances):
                del ways[name]
    told["database"] |= {"replication": "snapshot", "instances": instances}
    seen = SnapshotLab(lab.folder, lab.env)
    seen.inventory.write_text(yaml.safe_dump(told))
    seen.inventory.chmod(0o600)
    return seen, taken_at


def test_a_snapshot_copy_takes_over_and_loses_what_was_announced_and_no_more(lab: Lab, tmp_path: Path) -> None:
    with load_on(lab, tmp_path / "load.json") as verification:
        write_on(lab, "db1")
        seen, taken_at = with_snapshot(lab)
        refused = told(seen, "plan", "switchover", "--to", "db3")
        assert (refused.returncode, "each lacks what was written since it was taken" in refused.stderr) == (3, True)
        write_on(lab, "db1")
        lab.fault("kill", "db1")
        dead_at = time.time()
        loss = open_plan(seen, "failover", "--to", "db3")["loss"]
        assert (loss["tier"], "the snapshot hourly is of" in loss["words"]) == ("bounded", True)
        assert loss["window_s"] >= dead_at - taken_at - 1.0
        ran(seen, "failover", "--to", "db3", loss="1h")
    report = reported(seen)
    assert {step["phase"] for step in report["steps"]} == {"done"}
    assert report["loss"]["tier"] == "bounded"
    lost = [each["acknowledged_at"] for each in verification["lost"]]
    assert lost, "the copy cannot have what was written after it was taken"
    assert taken_at - 1.0 <= min(lost) <= max(lost) <= dead_at
    assert len(lost) < verification["checked"], "what was written before is there"
    mark = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'pleasant'"
    assert lab.sql(mark, "db3") == [(f"primary since run {report['run']}; it was the snapshot hourly",)]
