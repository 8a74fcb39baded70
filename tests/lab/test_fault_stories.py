"""Faults in the middle of runs on a real lab under load: how each run ends, and what users lost.

`pytest -s` prints each fault with its verdict and the counts of the load generator.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import running_lab, with_patience
from tests.lab.fault_plays import start_it_before_the_promotion
from tests.lab.fault_plays_balancers import held_at_it, spoilt
from tests.lab.fault_plays_connections import take_the_primarys
from tests.lab.fault_scene import FaultScene, Spot
from tests.lab.kill_nursery import shared_nursery
from tests.lab.kill_scene import SIDE


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultScene]:
    base = tmp_path_factory.mktemp("faults")
    with running_lab(base, "--profile", "balancers") as lab:
        made = FaultScene(lab, base)
        made.consoles.nursery = shared_nursery()
        yield made


def test_a_line_that_drops_while_a_step_acts_is_answered_by_looking_and_nothing_is_done_twice(scene: FaultScene) -> None:
    old, new = scene.aim()
    before = scene.done_on_hosts(old, new)
    web = scene.tool(f"web{SIDE[old]}", "pps-service")
    stop = 'trap "" PIPE; exec "$real" "$@"'
    dropped = (
        # Its output streams; the service is stopped when nobody hears it any more.
        Spot(f"web{SIDE[old]}", web.parents[1] / web.name, web, '[ "$1" = stop ]', "yes streaming | head -n 2000", stop),
        # It is under way: the server was told to stop, and is waited for.
        Spot(old, scene.tool(old, "tail").parents[1] / "tail", Path("/usr/bin/tail"), '[ "$3" = -s ]', 'trap "" TERM', ":"),
    )
    # It is done, its answer never comes, and for a while there is no way to look.
    away = Spot(new, scene.programs(new) / "pg_ctl", scene.real / "pg_ctl", '[ "$1" = promote ]', '"$real" "$@"', ":")
    ends: list[int] = []
    with scene.counted("a line that drops three times: success, and nothing twice") as counts, scene.cut_at(away):
        done = scene.dropped_at(dropped, "switchover", "--to", new)
        assert [spot.program.name for spot in dropped if not spot.met.exists()] == [], done.stdout + done.stderr
        ends.append(done.returncode)
        run = scene.newest()["run"]
        while ends[-1] not in (0, 8):  # 8: a copy on a host was not renewed while there was no line to it
            ends.append(scene.resumed(run, 0, 5, 6, 8).returncode)
    print(f"  consoles ended with {ends}")
    assert {name: count - before[name] for name, count in scene.done_on_hosts(old, new).items()} == dict.fromkeys(before, 1)
    assert set(scene.phases(run).values()) == {"done"}
    assert (scene.role(old), scene.role(new)) == ("standby", "primary")
    assert counts.lost == 0


def test_a_dead_primary_that_somebody_starts_between_fence_and_promotion_keeps_the_run_from_promoting(scene: FaultScene) -> None:
    with scene.counted("a second administrator starts the old primary: not promoted, backed out") as counts:
        start_it_before_the_promotion(scene)
    assert counts.lost == 0


def test_a_primary_without_a_connection_left_lives_and_is_neither_failed_over_nor_called_away(scene: FaultScene) -> None:
    with_patience(scene.lab)  # no host is silent from here on
    take_the_primarys(scene)


def test_one_of_two_balancers_that_refuses_its_configuration_comes_last_in_a_failover(scene: FaultScene) -> None:
    with_patience(scene.lab)
    old, new = scene.aim()
    with spoilt(scene.lab):
        held_at_it(scene, old, new)
