"""The journal: durable, private, versioned; damage, full disks and network file systems are met with plain words."""

import os
import shutil
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.engine.estimate import learned
from ppsconsole.engine.journal import Journal, open_journal
from ppsconsole.engine.journal_place import RESERVE_BYTES, RESERVE_FILE, file_system_of, prepare_folder
from ppsconsole.errors import JournalError, UsageError
from ppsconsole.inventory.places import state_home
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from tests.engine.scripted import scripted_inventory, scripted_plan
from tests.lab.postgres_server import PASSWORD, running_postgres, shared_folder


def event(number: int, kind="output", run: str = "aaaa", **data) -> RunEvent:
    return RunEvent(run, number, 10.0 + number, kind, "drain", f"words {number} ✓", data)


@pytest.fixture
def journal():
    made = open_journal()
    yield made
    made.close()


@pytest.fixture(scope="module")
def postgres_url():
    with shared_folder() as folder, running_postgres(folder / "pg") as server:
        yield f"postgresql://pps:{PASSWORD}@{server.address}:{server.port}/postgres"


@pytest.fixture(params=["sqlite", "postgres"])
def any_journal(request):
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    made = open_journal(url)
    yield made
    made.close()
    if url is not None:
        wipe(url)


def wipe(url: str) -> None:
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS runs, events, ppsconsole_journal")


def test_what_was_appended_is_there_for_the_next_console(any_journal: Journal) -> None:
    plan = scripted_plan()
    any_journal.start("aaaa", plan, 5.0, "anna@ops1 pid 1")
    any_journal.append(event(1, "step-started", attempt=1), event(2, values={"deep": [1, {"x": None}]}))
    any_journal.append(event(3))
    assert any_journal.events("aaaa") == (
        event(1, "step-started", attempt=1),
        event(2, values={"deep": [1, {"x": None}]}),
        event(3),
    )
    record = any_journal.run("aaaa")
    assert (record.plan, record.holder, record.verdict, record.is_open) == (plan, "anna@ops1 pid 1", None, True)
    any_journal.append(event(4, "taken-over", holder="berta@ops2 pid 2"), event(5, "run-finished", verdict="rolled-back"))
    record = any_journal.run("aaaa")
    assert (record.holder, record.verdict, record.finished_at) == ("berta@ops2 pid 2", RunVerdict.ROLLED_BACK, 15.0)


def test_a_repeated_write_is_one_and_anothers_is_refused(any_journal: Journal) -> None:
    any_journal.start("aaaa", scripted_plan(), 5.0, "x")
    any_journal.start("aaaa", scripted_plan(), 6.0, "y")
    any_journal.append(event(1), event(2))
    any_journal.append(event(2), event(3))
    assert [each.number for each in any_journal.events("aaaa")] == [1, 2, 3]
    with pytest.raises(JournalError, match="another console wrote to run aaaa"):
        any_journal.append(event(3, "held"))
    assert any_journal.run("aaaa").started_at == 5.0


def test_runs_are_found_by_the_beginning_of_their_id(any_journal: Journal) -> None:
    for run, at in (("aab1", 1.0), ("aac2", 2.0), ("b%d3", 3.0)):
        any_journal.start(run, scripted_plan(), at, "x")
    assert [record.id for record in any_journal.runs("lab")] == ["b%d3", "aac2", "aab1"]
    assert any_journal.runs("other") == ()
    assert any_journal.find("aab").id == "aab1"
    assert any_journal.find("b%").id == "b%d3"
    for prefix, words in (
        ("aa", "stands for 2 runs: aab1, aac2"),
        ("zz", "no run begins with 'zz'"),
        ("", "no run"),
        ("%", "no run"),
    ):
        with pytest.raises(UsageError, match=words):
            any_journal.find(prefix)
    with pytest.raises(UsageError, match="no run 'aab'"):
        any_journal.run("aab")


def test_a_run_read_back_from_a_host_replaces_what_differs(any_journal: Journal) -> None:
    any_journal.start("aaaa", scripted_plan(), 5.0, "x")
    any_journal.append(event(1), event(2), event(3, "held"))
    told = (event(1), event(2), event(3, "resumed"), event(4))
    any_journal.adopt("aaaa", scripted_plan(), told, "y")
    assert any_journal.events("aaaa") == told
    any_journal.adopt("bbbb", scripted_plan(), (event(1, run="bbbb"),), "y")
    assert any_journal.run("bbbb").started_at == 11.0


def test_a_newer_journal_is_refused_and_left_alone(any_journal: Journal) -> None:
    from sqlalchemy import text

    with any_journal._engine.begin() as connection:
        connection.execute(text("UPDATE ppsconsole_journal SET version = 2"))
    with pytest.raises(JournalError, match="of version 2, this program knows versions up to 1"):
        any_journal.check()


def test_threads_may_share_it(journal: Journal) -> None:
    journal.start("aaaa", scripted_plan(), 5.0, "x")
    threads = [threading.Thread(target=journal.append, args=(event(number),)) for number in range(1, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.events("aaaa")) == 20


def test_two_consoles_may_share_the_file(journal: Journal) -> None:
    other = open_journal()
    journal.start("aaaa", scripted_plan(), 5.0, "x")
    other.start("bbbb", scripted_plan(), 6.0, "y")
    assert {record.id for record in journal.runs()} == {"aaaa", "bbbb"}
    other.close()


def test_it_is_private_and_keeps_every_commit(journal: Journal) -> None:
    journal.start("aaaa", scripted_plan(), 5.0, "x")
    journal.reserve()
    folder = state_home()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert (folder / RESERVE_FILE).stat().st_size == RESERVE_BYTES
    with journal._engine.connect() as connection:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2)):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value


def test_a_folder_that_others_may_read_is_closed() -> None:
    state_home().mkdir(parents=True)
    state_home().chmod(0o755)
    open_journal().close()
    assert stat.S_IMODE(state_home().stat().st_mode) == 0o700


def damaged(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        size = file.tell()
        file.seek(4096)
        file.write(os.urandom(size - 4096))


@pytest.mark.parametrize("how", ["pages", "header", "cut"])
def test_a_damaged_journal_is_named_and_not_touched(journal: Journal, how: str) -> None:
    for number in range(40):
        journal.start(f"run{number}", scripted_plan(), 5.0, "x")
    journal.close()
    path = state_home() / "journal.sqlite"
    assert not path.with_suffix(".sqlite-wal").exists()
    if how == "pages":
        damaged(path)
    elif how == "header":
        path.write_bytes(b"this is no database\n" * 300)
    else:
        os.truncate(path, 8192)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=r"journal\.sqlite: the journal is damaged: .*Move the file"):
        open_journal()
    assert path.read_bytes() == before


MOUNTS = """/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
anna@far:/ /mnt/with\\040space fuse.sshfs rw 0 0
/dev/sdb /home/local ext4 rw 0 0
gvfs /strange fuse.gvfsd-fuse rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib", "ext4"),
        ("/home/anna/.local", "nfs4"),
        ("/homeland", "ext4"),
        ("/home/local/x", "ext4"),
        ("/mnt/with space/x", "fuse.sshfs"),
    ],
)
def test_the_file_system_of_a_path(tmp_path, path: str, kind: str) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    assert file_system_of(Path(path), tmp_path / "mounts") == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse"])
def test_network_file_systems_are_refused(tmp_path, kind: str) -> None:
    (tmp_path / "mounts").write_text(f"/dev/vda / ext4 rw 0 0\nx {tmp_path}/state {kind} rw 0 0\n")
    with pytest.raises(JournalError, match=f"would lie on {kind}, which may be a network file system"):
        prepare_folder(tmp_path / "state", tmp_path / "mounts")
    assert list((tmp_path / "state").iterdir()) == []


def test_a_full_disk_under_a_run_is_survived_by_what_was_put_by(tmp_path, root) -> None:
    # A mount namespace of its own: the mount is seen by nobody else, and goes with the process.
    unshare = shutil.which("unshare")
    probe = [unshare or "false", "-rm", "true"]
    if subprocess.run(probe, capture_output=True).returncode != 0:
        pytest.skip("needs mount namespaces")
    command = [unshare, "-rm", sys.executable, "-m", "tests.engine.full_disk", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=120)
    assert ended.returncode == 0, ended.stderr
    first, second = ended.stdout.splitlines()
    written, left, words = first.split(" ", 2)
    assert int(written) > 100, "the reserve is worth a long run"
    assert left == "0"
    assert "the disk is full, and so is what was put by" in words
    assert "8 MiB could not be put by" in second


def test_urls_that_make_no_sense_are_refused_without_their_password() -> None:
    for url in ("nonsense", "sqlite:///x.db", "nosuch://a:hunter2@b/c"):
        with pytest.raises(JournalError) as caught:
            open_journal(url)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(JournalError) as caught:
        open_journal("postgresql://pps:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(caught.value)


def test_a_server_that_goes_and_comes_back_loses_nothing() -> None:
    with shared_folder() as folder, running_postgres(folder / "pg") as server:
        journal = open_journal(f"postgresql://pps:{PASSWORD}@{server.address}:{server.port}/postgres")
        journal.start("aaaa", scripted_plan(), 5.0, "x")
        journal.append(event(1))
        server.stop()
        with pytest.raises(JournalError, match="does not work"):
            journal.append(event(2))
        server.start()
        journal.append(event(2))
        assert [each.number for each in journal.events("aaaa")] == [1, 2]
        journal.close()


def test_a_journal_in_the_database_that_is_moved_is_refused(journal: Journal, postgres_url: str) -> None:
    inventory = scripted_inventory()
    journal.refuse_moved(inventory)
    shared = open_journal(postgres_url)
    shared.refuse_moved(inventory)
    address, port = shared.address
    own = replace(inventory.database.instances["db2"], aliases=(address,), port=port)
    inventory = replace(inventory, database=replace(inventory.database, instances={"db2": own}))
    with pytest.raises(JournalError, match="lies on db2, an instance of this cluster"):
        shared.refuse_moved(inventory)
    shared.close()
    wipe(postgres_url)


def test_durations_are_learned_from_steps_that_were_really_done(journal: Journal) -> None:
    def finished(number: int, run: str, took_s: float, outcome: str = "done") -> RunEvent:
        return event(number, "step-finished", run, outcome=outcome, verb="stop", took_s=took_s)

    for run, took_s in (("a", 2.0), ("b", 4.0), ("c", 9.0)):
        journal.start(run, scripted_plan(), 1.0, "x")
        journal.append(event(1, "step-started", run), finished(2, run, took_s))
    journal.start("d", scripted_plan(), 1.0, "x")
    journal.append(event(1, "step-started", "d"), finished(2, "d", 600.0, "failed"))
    journal.append(event(3, "step-started", "d"), finished(4, "d", 700.0))
    assert learned(journal, "lab") == {"stop": 4.0}
    assert learned(journal, "another") == {}


def test_closing_waits_for_whoever_is_at_it_and_nothing_is_reopened(journal: Journal) -> None:
    is_inside, may_end, done = threading.Event(), threading.Event(), []

    def slow(connection) -> None:
        is_inside.set()
        may_end.wait(120)
        done.append("read")

    reading = threading.Thread(target=lambda: journal._read(slow))
    closing = threading.Thread(target=lambda: (journal.close(), done.append("closed")))
    reading.start()
    assert is_inside.wait(120)
    closing.start()
    may_end.set()
    reading.join(120)
    closing.join(120)
    assert done == ["read", "closed"]
    journal.close()  # twice is once
    with pytest.raises(JournalError, match="was closed"):
        journal.runs()
