"""Loss by value: the window from the last commit that the standby has to the first moment the primary was seen dead."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.probes.compose import compose
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.history import KEPT, History, Sample
from ppsconsole.runbooks.loss import CLOCKS_AGREE_S, loss_of, rank
from tests.unit.observations import NOW, change, change_host, look, observe
from tests.unit.runbook_cases import Found, declared, fine, host_gone, killed, plan, seen, split_brain, swapped, unreachable

HAVE = "0/3000060"


def sample(ago: float, primary_lsn: str | None, **changes: float | None) -> Sample:
    return Sample(NOW - ago, primary_lsn, HAVE, NOW - ago, True, changes.get("clock_skew_s", 0.0))


def loss(snapshot: Snapshot, *samples: Sample, dead_since: float | None = None) -> Loss:
    return loss_of(samples, snapshot, dead_since, primary="db1", standby="db2")


def dead(**of_db2: object) -> Snapshot:
    """Return: db1 killed; db2's last replayed commit is 3 s old, unless changed."""
    found = killed()
    change(found, "db2", **of_db2)
    return seen(found)


def test_without_history_the_last_commit_of_the_standby_begins_the_window() -> None:
    found = loss(dead())
    assert (found.tier, found.window_s) == (LossTier.BOUNDED, 3.0)
    assert found.missing_bytes is None


def test_the_window_ends_where_the_primary_was_first_seen_dead() -> None:
    assert loss(dead(), dead_since=NOW - 1.5).window_s == 1.5


def test_on_an_idle_cluster_samples_prove_more_than_the_last_commit() -> None:
    found = loss(dead(last_replay_at=NOW - 7200), sample(9, HAVE), sample(4, HAVE), dead_since=NOW - 2)
    assert (found.tier, found.window_s, found.missing_bytes) == (LossTier.BOUNDED, 2.0, 0)


def test_what_the_primary_was_ahead_is_told_in_bytes() -> None:
    snapshot = dead(last_replay_at=NOW - 7200)
    found = loss(snapshot, sample(9, HAVE), sample(6, "0/3000100"), sample(4, "0/3001060"), dead_since=NOW - 2)
    assert (found.window_s, found.missing_bytes) == (7.0, 4096)
    assert "4096 bytes" in found.words


def test_the_clock_of_the_primary_is_corrected_by_what_it_was_off() -> None:
    found = killed()
    change_host(found, "db1", clock_skew_s=2.0)
    assert loss(seen(found)).window_s == 5.0
    change_host(found, "db1", clock_skew_s=None)
    assert loss(seen(found), sample(60, "0/9000000", clock_skew_s=-1.0)).window_s == 2.0
    assert "was not compared" in loss(seen(found)).words


def test_a_window_is_never_negative() -> None:
    assert loss(dead(last_replay_at=NOW + 2)).window_s == 0.0
    found = loss(dead(last_replay_at=NOW + 10))
    assert (found.tier, "a clock was set back" in found.words) == (LossTier.UNKNOWN, True), (
        "what contradicts itself tells nothing"
    )


@pytest.mark.parametrize(
    ("of_db2", "words"), [({"lsn": None}, "position of db2"), ({"last_replay_at": None}, "nobody saw db1 and db2 together")]
)
def test_what_nobody_knows_is_unlimited(of_db2: dict, words: str) -> None:
    found = loss(dead(**of_db2))
    assert found.tier is LossTier.UNKNOWN
    assert words in found.words
    assert not found.is_accepted_by(1e9)
    assert found.is_accepted_by(math.inf)


def test_samples_that_prove_nothing_leave_it_unknown() -> None:
    found = loss(dead(last_replay_at=None), sample(9, "0/9000000"), sample(4, None))
    assert (found.tier, found.missing_bytes) == (LossTier.UNKNOWN, 0x9000000 - 0x3000060)


def stopped(checkpoint: str, timeline: int = 1) -> Snapshot:
    found = killed()
    change(found, "db1", service="stopped", control_state="shut down", control_checkpoint=checkpoint, control_timeline=timeline)
    return seen(found)


def test_a_clean_stop_whose_checkpoint_arrived_loses_nothing() -> None:
    assert loss(stopped("0/3000028")).tier is LossTier.NONE


def test_the_checkpoints_own_record_has_to_have_arrived() -> None:
    assert loss(stopped(HAVE)).tier is LossTier.BOUNDED


def test_a_standby_left_behind_on_an_older_timeline_is_unlimited() -> None:
    assert loss(stopped("0/3000028", timeline=2)).tier is LossTier.UNKNOWN


def test_a_clean_stop_on_another_timeline_proves_nothing() -> None:
    found = killed()
    change(found, "db1", service="stopped", control_state="shut down", control_checkpoint="0/3000028", control_timeline=1)
    change(found, "db2", timeline=2)
    assert loss(seen(found)).tier is LossTier.BOUNDED
    change(found, "db1", control_timeline=None)
    assert loss(seen(found)).tier is LossTier.BOUNDED


def test_a_crash_proves_nothing_by_its_checkpoint() -> None:
    assert loss(dead()).tier is LossTier.BOUNDED


@given(
    committed=st.floats(0, 3600),
    ago=st.lists(st.floats(0, 3600), max_size=5),
    ahead=st.integers(-(2**20), 2**20),
    died=st.none() | st.floats(0, 3600),
)
def test_the_window_holds_every_commit_that_may_be_lost(committed, ago, ahead, died) -> None:
    lsn = f"0/{0x3000060 + ahead:X}"
    samples = tuple(sample(each, lsn) for each in sorted(ago, reverse=True))
    found = loss(dead(last_replay_at=NOW - committed), *samples, dead_since=None if died is None else NOW - died)
    end = NOW if died is None else NOW - died
    if any(at - end > CLOCKS_AGREE_S for at in (NOW - committed, *(each.at for each in samples))):
        assert found.tier is LossTier.UNKNOWN
        return
    assert found.tier is LossTier.BOUNDED
    proved = [NOW - committed, *([each.at for each in samples] if ahead <= 0 else [])]
    assert found.window_s == pytest.approx(max(0.0, end - max(proved)))


@pytest.mark.parametrize("step_s", [3600.0, 90.0, 30.0, -30.0, -90.0, -3600.0])
@pytest.mark.parametrize("stepped_before_s", [0.0, 10.0, 20.0, 30.0])
def test_a_clock_that_is_set_in_between_never_makes_a_loss_smaller(step_s: float, stepped_before_s: float) -> None:
    def console_clock(after_s: float) -> float:
        return NOW + after_s + (step_s if after_s >= stepped_before_s else 0.0)

    def seen_after(after_s: float, found: Found) -> Snapshot:
        at = console_clock(after_s)
        change_host(found, "db1", clock_skew_s=NOW + after_s - at)
        change(found, "db2", last_replay_at=NOW - 3.0)
        return compose(declared(), observe(found, at), at)

    history = History()
    for after_s in (0.0, 10.0, 20.0):
        alive = fine()
        if after_s:
            change(alive, "db1", lsn="0/3009000")  # all that was written after the first look never got to db2
        history = history.after(seen_after(after_s, alive))
    last = seen_after(30.0, killed())
    history = history.after(last)
    assert history.dead_since is not None
    found = loss(last, *history.samples["db2"], dead_since=history.dead_since)
    assert found.window_s is None or found.window_s >= 30.0, found.words
    assert (found.window_s is None) == (found.tier is LossTier.UNKNOWN)
    assert not found.is_accepted_by(29.0)


def test_history_follows_the_primary() -> None:
    first = History().after(look(fine(), NOW, declared()))
    assert (first.primary, first.dead_since, len(first.samples["db2"])) == ("db1", None, 1)
    assert first.samples["db2"][0] == Sample(NOW, HAVE, HAVE, NOW - 3.0, True, 0.0)
    assert first.after(look(fine(), NOW, declared())) == first
    other = first.after(look(swapped(), NOW, declared()))
    assert (other.primary, list(other.samples)) == ("db2", ["db1"])
    assert first.after(look(split_brain(), NOW, declared())) == first


def test_history_keeps_the_first_moment_of_death() -> None:
    alive = History().after(seen(fine()))
    gone = alive.after(look(killed(), NOW + 2, declared()))
    assert gone.dead_since == NOW  # when its silence was seen, not when the picture was put together
    later = killed()
    assert gone.after(look(later, NOW + 8, declared())).dead_since == NOW
    assert gone.after(seen(fine())).dead_since is None


def test_unreachable_is_no_death() -> None:
    assert History().after(seen(fine())).after(seen(unreachable())).dead_since is None


def test_one_that_is_cut_off_together_with_a_web_node_may_still_be_written_to() -> None:
    # Found by the simulator: the site of db1 is cut off, and pps1 in it goes on writing.
    found = host_gone()
    change(found, "pps1", service=None, service_pid=None, tcp="timed-out", http=None, points_at=None)
    assert History().after(seen(fine())).after(seen(found)).dead_since is None
    assert History().after(seen(fine())).after(seen(host_gone())).dead_since == NOW, "nobody is left who could write to it"
    change(found, "pps1", service="stopped")
    assert History().after(seen(fine())).after(seen(found)).dead_since == NOW


def test_a_look_that_does_not_see_it_dead_begins_its_death_anew() -> None:
    gone = History().after(seen(fine())).after(look(killed(), NOW + 2, declared()))
    assert gone.dead_since == NOW
    assert gone.after(look(unreachable(), NOW + 3, declared())).dead_since is None
    starting = killed()
    change(starting, "db1", sql="starting", service="running")
    assert gone.after(look(starting, NOW + 3, declared())).dead_since is None


def test_a_look_that_was_not_completed_says_nothing() -> None:
    gone = History().after(seen(fine())).after(look(killed(), NOW + 2, declared()))
    assert gone.after(replace(seen(unreachable()), is_complete=False)) == gone
    assert History().after(replace(seen(fine()), is_complete=False)) == History()


def test_a_position_counts_from_when_it_was_asked_for() -> None:
    slow = fine()
    change(slow, "db1", sql_latency_s=1.5)
    assert History().after(seen(slow)).samples["db2"][0].at == NOW - 1.5


def test_what_earlier_commands_saw_comes_before_ones_own() -> None:
    earlier = History("db1", NOW - 1, {"db2": (sample(60, HAVE), sample(5, HAVE))})
    own = History("db1", None, {"db2": (sample(5, HAVE), sample(3, HAVE))})
    assert earlier.then(own) == History("db1", None, {"db2": (sample(60, HAVE), sample(5, HAVE), sample(3, HAVE))})
    assert earlier.then(History()) == earlier
    assert History().then(own) == own
    other = replace(own, primary="db2")
    assert earlier.then(other) == other


def test_history_is_bounded() -> None:
    full = History("db1", None, {"db2": tuple(sample(float(ago), HAVE) for ago in range(KEPT, 0, -1))})
    found = full.after(seen(fine()))
    assert len(found.samples["db2"]) == KEPT
    assert found.samples["db2"][-1].at == NOW


def test_history_of_another_primary_says_nothing_of_this_one() -> None:
    foreign = History("db2", NOW - 1, {"db2": (sample(1, HAVE),)})
    ours = History("db1", NOW - 1, {"db2": (sample(1.5, HAVE),)})
    assert plan(killed(), "failover", background=Background(history=foreign)).loss.window_s == 3.0
    assert plan(killed(), "failover", background=Background(history=ours)).loss.window_s == 0.5


def test_losses_are_ranked_with_unknown_last() -> None:
    losses = [Loss(LossTier.UNKNOWN), Loss(LossTier.BOUNDED, 5.0), Loss(LossTier.EXACT, 1.0), Loss(LossTier.NONE)]
    assert sorted(losses, key=rank) == losses[::-1]
