"""Real faults in the middle of real runs: how each run ends, that one primary is left, and that no acknowledged write is."""

import signal
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.lab.acting import Writer
from tests.lab.conftest import Lab, running_lab, wait_for, with_patience
from tests.lab.test_run_commands import LIMIT_S, Desk


class Scene:
    """A lab under load, and who is what in it at the moment."""

    def __init__(self, lab: Lab, desk: Desk, writer: Writer) -> None:
        self.lab, self.desk, self.writer = lab, desk, writer

    def primaries(self) -> list[str]:
        """Ask the databases themselves; one that runs and does not answer fails the test."""
        nodes = self.lab.nodes()
        running = [name for name in ("db1", "db2") if nodes[name]["state"] == "running"]
        return [name for name in running if self.lab.sql("SELECT pg_is_in_recovery()", name) == [(False,)]]

    def aim(self) -> tuple[str, str, str]:
        """Return the primary, the standby, and the web node on the standby's side, with a stream that is well."""
        [old] = self.primaries()
        streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        wait_for(lambda: self.lab.sql(streaming, old) == [(1,)], "the standby streams", LIMIT_S)
        new = "db2" if old == "db1" else "db1"
        return old, new, f"web{new[-1]}"

    def approved(self, new: str) -> list[str]:
        """Return the line that runs a plan which was read and approved now."""
        return ["run", "switchover", "--to", new, "--approve", self.desk.hash("switchover", "--to", new)]

    def held_after(self, new: str, step: str) -> str:
        """Begin a run and hold it behind `step`; return its id."""
        with self.desk.run_to(f"step-finished {step}", "switchover", "--to", new) as (process, _):
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)
            said = process.communicate(timeout=LIMIT_S)[0]
        assert process.returncode == 5, said
        newest = self.desk.json("runs", "list")[0]
        assert (newest["state"], newest["is_open"]) == ("held", True)
        return str(newest["run"])

    def front(self) -> int:
        """Return what the front answers to a user."""
        state = self.lab.state
        context = ssl.create_default_context(cafile=str(self.lab.folder / "ca.pem"))
        context.check_hostname = False
        try:
            with urllib.request.urlopen(state["front"], context=context, timeout=LIMIT_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def check_whole(self, primary: str) -> None:
        """One primary, which takes writes; users get in; and every write that was acknowledged is there."""
        assert self.primaries() == [primary]
        self.check_serving(primary)

    def check_serving(self, primary: str) -> None:
        """As `check_whole`, while the standby cannot be asked."""
        assert self.lab.sql("SELECT pg_is_in_recovery()", primary) == [(False,)]
        self.writer.wait_for(10)
        acknowledged = list(self.writer.acknowledged)
        assert set(acknowledged) <= self.writer.stored()
        wait_for(lambda: self.front() == 200, "users get in", LIMIT_S)

    def phases(self, run: str) -> dict[str, str]:
        return {step["id"]: step["phase"] for step in self.desk.json("runs", "show", run)["steps"]}

    def newest(self) -> str:
        return str(self.desk.json("runs", "list")[0]["run"])


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    base = tmp_path_factory.mktemp("broken")
    with running_lab(base) as lab, Writer(lab) as writer:
        yield Scene(lab, Desk(lab, base / "console"), writer)


def test_a_balancer_whose_file_was_spoilt_by_hand_bars_a_run_is_not_touched_and_goes_on_serving(scene: Scene) -> None:
    old, new, _ = scene.aim()
    line = scene.approved(new)
    include = scene.lab.home("lb1") / "etc" / "upstream.conf"
    good = include.read_text()
    spoilt = good.replace(";", "", 1) + "\nthis is no nginx\n"
    include.write_text(spoilt)
    try:
        refused = scene.desk(*line)
        assert (refused.returncode, "the world moved" in refused.stderr) == (3, True), refused.stdout + refused.stderr

        def is_barred() -> bool:
            """Who reads the plan again and goes on all the same is told why not; a busy machine leaves looks unanswered."""
            nonlocal refused
            approved = scene.desk.json("plan", "switchover", "--to", new)["hash"]
            refused = scene.desk("run", "switchover", "--to", new, "--approve", approved)
            return "balancer-config: lb1 does not accept its configuration (nginx -T: [emerg] " in refused.stderr

        wait_for(is_barred, "the configuration bars the run", LIMIT_S)
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert f"nginx -t -c {scene.lab.home('lb1')}/etc/nginx.conf names file and line" in refused.stderr
        assert include.read_text() == spoilt, "what somebody wrote by hand is not ours to repair"
        scene.check_whole(old)
    finally:
        include.write_text(good)


def test_a_replication_road_cut_after_the_plan_was_approved_blocks_it(scene: Scene) -> None:
    old, new, _ = scene.aim()
    line = scene.approved(new)
    scene.lab.fault("disconnect", new, "--link", "replication")
    try:
        streaming = "SELECT count(*) FROM pg_stat_replication"
        wait_for(lambda: scene.lab.sql(streaming, old) == [(0,)], "the primary notices", LIMIT_S)
        done = scene.desk(*line)
        assert done.returncode == 3, done.stdout + done.stderr
        scene.check_whole(old)
    finally:
        scene.lab.heal(new)


def test_a_replication_road_cut_in_the_middle_of_a_run_sends_it_all_the_way_back(scene: Scene) -> None:
    old, new, _ = scene.aim()
    run = scene.held_after(new, "drain-lb1")
    assert scene.front() >= 500
    scene.lab.fault("disconnect", new, "--link", "replication")
    try:
        streaming = "SELECT count(*) FROM pg_stat_replication"
        wait_for(lambda: scene.lab.sql(streaming, old) == [(0,)], "the primary notices", LIMIT_S)
        done = scene.desk("runs", "resume", run)
        assert done.returncode == 4, done.stdout + done.stderr
        phases = scene.phases(run)
        assert (phases["stop-primary"], phases["promote"]) == ("failed", "pending"), "found out before the stop"
        assert phases["drain-lb1"] == "undone"
        scene.check_whole(old)
    finally:
        scene.lab.heal(new)


def test_a_standby_whose_host_is_cut_off_stops_nothing_and_the_way_back_is_open(scene: Scene) -> None:
    old, new, _ = scene.aim()
    run = scene.held_after(new, "drain-lb1")
    scene.lab.fault("disconnect", new)
    try:
        resumed = scene.desk("runs", "resume", run)
        assert (resumed.returncode, "lease" in resumed.stderr) == (3, True), resumed.stdout + resumed.stderr
        back = scene.desk("runs", "back-out", run)
        assert back.returncode == 4, back.stdout + back.stderr
        phases = scene.phases(run)
        assert (phases["stop-primary"], phases["promote"]) == ("pending", "pending")
        scene.check_serving(old)
    finally:
        scene.lab.heal(new)
    scene.aim()
    # The lease of that run still lies on the host that could not be reached; the copies on the others say that it has ended.
    done = scene.desk.ran("switchover", "--to", new)
    assert done.returncode == 0, done.stdout + done.stderr
    scene.check_whole(new)


def test_a_web_node_that_does_not_start_after_the_promotion_is_mended_and_the_run_gone_on_with(scene: Scene) -> None:
    with_patience(scene.lab)  # no host is silent from here on
    old, new, web = scene.aim()
    certificate = scene.lab.home(web) / "etc" / "server.pem"
    good = certificate.read_text()
    certificate.write_text("spoilt")
    try:
        done = scene.desk.ran("switchover", "--to", new)
        assert done.returncode == 5, done.stdout + done.stderr
        run = scene.newest()
        phases = scene.phases(run)
        assert phases["promote"] == "done"
        assert phases[f"start-pps{new[-1]}"] == "failed"
        assert "undone" not in phases.values()
        assert scene.primaries() == [new]
        back = scene.desk("runs", "back-out", run)
        assert (back.returncode, "point of no return" in back.stderr) == (3, True), back.stdout + back.stderr
        assert scene.primaries() == [new]
    finally:
        certificate.write_text(good)
    resumed = scene.desk("runs", "resume", run)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    acted_once(scene, run)
    scene.check_whole(new)
    scene.desk.sees(**{new: "primary", old: "standby"})


def test_a_console_killed_while_it_stops_the_primary_is_followed_by_another(scene: Scene) -> None:
    """That one goes on over a line to the old primary which is slow and loses data: late, and not otherwise."""
    with_patience(scene.lab)  # no host is silent from here on
    old, new, _ = scene.aim()
    with scene.desk.run_to("acted stop-primary", "switchover", "--to", new) as (process, _):
        process.kill()
        process.wait(LIMIT_S)
    run = scene.newest()
    assert scene.phases(run)["promote"] in ("pending", "started")
    scene.lab.fault("slow", old, "--link", "console", "--delay", "60", "--loss", "5")
    try:
        resumed = scene.desk("runs", "resume", run)
    finally:
        scene.lab.heal(old)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    acted_once(scene, run)
    scene.check_whole(new)
    scene.desk.sees(**{new: "primary", old: "standby"})


def acted_once(scene: Scene, run: str) -> None:
    """Every step of the run ended as done once, whoever looked at it."""
    report = scene.desk.json("runs", "report", run)
    done = [
        event["step"] for event in report["events"] if event["kind"] == "step-finished" and event["data"]["outcome"] == "done"
    ]
    assert sorted(done) == sorted(step["id"] for step in report["steps"])
