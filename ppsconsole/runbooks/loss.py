"""How much would be lost by promoting a standby now (DESIGN §4). Pure."""

from collections.abc import Iterable

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.database import lsn_number
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.runbooks.history import Sample

PROVED_LATER = Loss(LossTier.NONE, words="a switchover proves it before it promotes, or puts everything back")
NOTHING_MOVES = Loss(LossTier.NONE, words="the same data is started again: what was committed is kept")


def loss_of(
    samples: Iterable[Sample],
    snapshot: Snapshot,
    dead_since: float | None,
    *,
    primary: str,
    standby: str,
    dead_wal: DeadWal | None = None,
) -> Loss:
    """Return what promoting `standby` in place of the dead `primary` gives up.

    Where the WAL on the dead primary's disk was read, that is it. Else everything that was lost was committed after the last
    commit that the standby has, and before the primary was seen dead. The window's beginning is the later of two moments that
    both come before every lost commit: the last sample at which the standby has what the primary had, and the commit time of
    the last transaction that it replayed. That nothing was written between two looks says nothing of what came after them:
    nobody but the dead primary's own disk can tell that.

    Args:
        samples: Of these two, oldest first.
        snapshot: The world now.
        dead_since: When the primary was first seen dead, seconds since 1970 UTC; None takes the snapshot's own time.
        primary: The instance that is gone.
        standby: The instance that would be promoted.
        dead_wal: What was read on the dead primary's disk; None when nobody tried.
    """
    ours, gone = snapshot.node(standby), snapshot.node(primary)
    have = None if ours is None else ours.value("lsn")
    if ours is None or have is None:
        return Loss(LossTier.UNKNOWN, words=f"the position of {standby} is not known")
    if gone is not None:
        told = _told_by_control(gone, ours, str(have))
        if told is not None:
            return told
    seen = [each for each in samples if each.primary_lsn is not None]
    is_ours = dead_wal is not None and (dead_wal.primary, dead_wal.standby) == (primary, standby)
    doubt = _doubt(dead_wal, seen, str(have)) if dead_wal is not None and is_ours else ""
    if dead_wal is not None and is_ours and not doubt:
        return _read(dead_wal)
    skew_s = _skew(seen, gone)
    start, source = _start(seen, ours, str(have), skew_s)
    missing = _missing(seen, str(have))
    not_exact = f"; not exact: {doubt}" if doubt else ""
    if start is None:
        return Loss(
            LossTier.UNKNOWN, None, missing, None, f"nobody saw {primary} and {standby} together, and {source}{not_exact}"
        )
    end = snapshot.at if dead_since is None else dead_since
    if start - end > CLOCKS_AGREE_S or any(each.at - end > CLOCKS_AGREE_S for each in seen):
        words = f"a clock was set back meanwhile: {standby} has {source}, and {primary} was seen dead at {hhmmss(end)} UTC"
        return Loss(LossTier.UNKNOWN, None, missing, None, words + not_exact)
    said = f"first seen dead at {hhmmss(end)}" if dead_since is not None else f"not seen dead before {hhmmss(end)}"
    words = f"{standby} has {source}; {primary} {said} UTC"
    if missing:
        words += f"; at {hhmmss(seen[-1].at)} it was {missing} bytes of WAL behind"
    return Loss(LossTier.BOUNDED, max(0.0, end - start), missing, None, words + not_exact)


def _doubt(found: DeadWal, seen: list[Sample], have: str) -> str:
    """Return why what was read on the dead primary's disk does not settle it; empty when it does."""
    if found.trouble or found.end_lsn is None:
        return found.trouble or f"the log of {found.primary} has no end"
    if have != found.have_lsn:
        return f"{found.standby} was elsewhere when the log of {found.primary} was read"
    ahead = [each.primary_lsn for each in seen if each.primary_lsn and lsn_number(each.primary_lsn) > lsn_number(found.end_lsn)]
    if ahead:
        return f"the log of {found.primary} ends at {found.end_lsn}, and it was seen at {ahead[-1]}: its disk lacks some of it"
    return ""


CLOCKS_AGREE_S = 5.0
"""How far what came before may be dated behind what came after it: clocks are compared over a line that takes its time."""
_INSTANT_S = 0.001
"""The least window of a loss that is one: `--accept-loss 0` accepts no lost commit, however short the time was."""


def _read(found: DeadWal) -> Loss:
    """Return the loss that the dead primary's own log tells."""
    read = f"the log of {found.primary} was read at {hhmmss(found.at)} UTC and ends at {found.end_lsn}"
    if not found.commits or found.first_at is None or found.last_at is None:
        words = f"{read}, and {found.standby} has every commit in it"
        return Loss(LossTier.EXACT, 0.0, found.missing_bytes, 0, words)
    window_s = max(_INSTANT_S, found.last_at - found.first_at)
    between = f"committed from {_moment(found.first_at)} to {_moment(found.last_at)} UTC"
    words = f"{found.missing_bytes} bytes of WAL, {between}: {read}"
    return Loss(LossTier.EXACT, window_s, found.missing_bytes, found.commits, words)


def _moment(at: float) -> str:
    """Return a time of day with milliseconds."""
    return f"{hhmmss(at)}.{int(at * 1000) % 1000:03d}"


def _told_by_control(gone: Node, ours: Node, have: str) -> Loss | None:
    """Return the loss where the dead primary's control file decides it (law 3); None where it does not."""
    timeline, own = gone.value("control_timeline"), ours.value("timeline")
    if timeline is not None and own is not None and timeline > own:
        words = f"{gone.name} stopped on timeline {timeline}, {ours.name} is on {own}: their positions cannot be compared"
        return Loss(LossTier.UNKNOWN, words=words)
    state, checkpoint = gone.value("control_state"), gone.value("control_checkpoint")
    if state != "shut down" or checkpoint is None or timeline is None or timeline != own:
        return None
    if lsn_number(have) > lsn_number(checkpoint):
        words = f"{gone.name} was stopped cleanly and {ours.name} has its shutdown checkpoint ({have} is past {checkpoint})"
        return Loss(LossTier.NONE, 0.0, 0, 0, words)
    return None


def _skew(seen: list[Sample], gone: Node | None) -> float | None:
    now = None if gone is None else gone.value("host.clock_skew_s")
    if now is not None:
        return float(now)
    return next((each.clock_skew_s for each in reversed(seen) if each.clock_skew_s is not None), None)


def _start(seen: list[Sample], ours: Node, have: str, skew_s: float | None) -> tuple[float | None, str]:
    """Return the moment after which something may be missing, and in words why it is that one."""
    at: float | None = None
    words = f"{ours.name} has replayed no commit since it started"
    for each in reversed(seen):
        if each.primary_lsn is not None and lsn_number(each.primary_lsn) <= lsn_number(have):
            at, words = each.at, f"all that was written until {hhmmss(each.at)} UTC"
            break
    committed = ours.value("last_replay_at")
    if committed is not None:
        corrected = float(committed) - (skew_s or 0.0)
        if at is None or corrected > at:
            doubt = "" if skew_s is not None else ", by a clock that was not compared"
            at, words = corrected, f"commits until {hhmmss(corrected)} UTC{doubt}"
    return at, words


def _missing(seen: list[Sample], have: str) -> int | None:
    """Return how many bytes the standby lacks of what the primary was last seen to have: at least so many are gone."""
    if not seen or seen[-1].primary_lsn is None:
        return None
    return max(0, lsn_number(seen[-1].primary_lsn) - lsn_number(have))


def rank(loss: Loss) -> tuple[int, float]:
    """Return a key that sorts the smallest loss first; unknown counts as unlimited."""
    if loss.tier is LossTier.NONE:
        return (0, 0.0)
    if loss.tier is LossTier.UNKNOWN or loss.window_s is None:
        return (2, 0.0)
    return (1, 0.0 if loss.is_salvage_ahead else loss.window_s)


def behind(best: str, other: str) -> str:
    """Return in words how far position `other` is behind `best`."""
    return f"{max(0, lsn_number(best) - lsn_number(other))} bytes of WAL behind"
