"""Follow, rewind or re-clone: which way an instance becomes a standby again, decided by what is left of it. Pure.

The order and its facts: PostgreSQL's documentation of pg_rewind ("Notes", "How It Works"), and what was tried on real servers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ppsconsole.actions.follow import slot_of
from ppsconsole.cluster.database import lsn_number
from ppsconsole.cluster.judging import size
from ppsconsole.cluster.remnant import Remnant

Way = Literal["follow", "rewind", "re-clone"]
WAYS: tuple[Way, ...] = ("follow", "rewind", "re-clone")
"""In the order of what they cost; the first that the facts allow is taken."""

DOES: Mapping[Way, str] = {
    "follow": "it is started as a standby as it is",
    "rewind": "pg_rewind takes back what only it has, and brings what changed since",
    "re-clone": "a whole copy of the primary is made in a new directory, and swapped in by renaming",
}

SPARE_BYTES = 256 << 20
"""Room that a copy leaves beside itself, for the log that is written meanwhile."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How the ways stand.

    Attributes:
        way: The one to take; None when there is none.
        why: The facts for it, one sentence.
        lacks: For every way that cannot be gone, the fact that forbids it.
        is_chosen: The operator asked for it by name.
    """

    way: Way | None
    why: str
    lacks: Mapping[Way, str]
    is_chosen: bool = False


def decide(found: Remnant, wanted: Way | None = None) -> Decision:
    """Return the way that the facts allow: the cheapest, or the one that the operator wants where they allow it."""
    lacks: dict[Way, str] = {}
    for way, lack in zip(WAYS, (_follow_lacks(found), _rewind_lacks(found), clone_lacks(found)), strict=True):
        if lack:
            lacks[way] = lack
    allowed = [way for way in WAYS if way not in lacks and wanted in (None, way)]
    if not allowed:
        return Decision(None, "; ".join(f"not {way}: {lack}" for way, lack in lacks.items()), lacks, wanted is not None)
    way = allowed[0]
    return Decision(way, _why(found, way, lacks), lacks, wanted is not None)


def _same_past_lacks(found: Remnant) -> str:
    """Return what keeps its data from being used at all; empty when they share a past with the primary's."""
    if found.trouble:
        return f"what is left of it was not read: {found.trouble}"
    if not found.has_data:
        return "there is no data directory with a control file that can be read"
    if found.system_identifier != found.source_system:
        return f"its data are of another system ({found.system_identifier}, {found.source} is {found.source_system})"
    if found.half_rewound:
        return f"a rewind of it was begun by run {found.half_rewound} and never ended: what is half rewound is of no use"
    if found.timeline > found.source_timeline:
        return f"it is on timeline {found.timeline}, {found.source} only on {found.source_timeline}"
    if found.timeline < found.source_timeline and not found.fork_lsn:
        return f"the history of {found.source} never was on timeline {found.timeline}, on which it ended"
    return ""


def has_diverged(found: Remnant) -> bool:
    """Return whether its log goes on where the primary's history left it, or nobody could see that it does not."""
    if found.timeline == found.source_timeline:
        return False
    is_clean_end = found.is_clean and lsn_number(found.checkpoint_lsn or "0/0") < lsn_number(found.fork_lsn or "0/0")
    return not (found.beyond_fork == "no" and (is_clean_end or found.was_standby))


def has_lost_writes(found: Remnant) -> bool:
    """Return whether there may be writes that only it has, and its log can be read and compared with the primary's."""
    is_comparable = found.has_data and found.system_identifier == found.source_system and bool(found.fork_lsn)
    return is_comparable and has_diverged(found) and found.has_wal_at_fork and not found.half_rewound


def _follow_lacks(found: Remnant) -> str:
    if lack := _same_past_lacks(found):
        return lack
    if not found.was_standby and not found.is_clean:
        return f'it was not stopped cleanly: its control file says "{found.control_state}"'
    if found.timeline == found.source_timeline and found.was_standby and slot_of(found.node) in found.lost_slots:
        # From an archive it can get what the primary has removed.
        slot = f"its slot {slot_of(found.node)} on {found.source} is lost"
        return "" if found.has_archive else f"{slot}: log that it does not have yet was removed there, and it names no archive"
    if found.timeline == found.source_timeline:
        return "" if found.was_standby else f"it ended as a primary on timeline {found.timeline}, on which {found.source} writes"
    if has_diverged(found):
        if found.beyond_fork == "unknown":
            return f"whether its log goes on behind {found.fork_lsn}, where it was left, could not be read"
        return f"its log goes on behind {found.fork_lsn}, where {found.source} left timeline {found.timeline}"
    return ""


def _rewind_lacks(found: Remnant) -> str:
    if lack := _same_past_lacks(found):
        return lack
    if found.timeline == found.source_timeline:
        return f"it is on timeline {found.timeline} as {found.source} is: there is no fork to go back to"
    if not has_diverged(found) and (found.is_clean or found.was_standby):
        return "there is nothing to take back: it ended where it was left"
    if found.was_standby and not found.is_clean:
        return f'it is a standby that was not stopped cleanly ("{found.control_state}")'
    if not found.has_checksums and not found.has_hints:
        return "it has no data checksums and ran without wal_log_hints: which pages changed is not known"
    if not found.has_full_pages:
        return "it ran without full_page_writes"
    if not found.has_wal_at_fork:
        return f"its own log does not reach back to {found.fork_lsn}, where it was left"
    if "pg_rewind" in found.missing:
        return "there is no pg_rewind on its host"
    if found.source_tablespaces is not None and set(found.own_tablespaces) != set(found.source_tablespaces):
        return "its tablespaces are not those of the primary"
    if found.dry_run not in ("", "ok"):
        return f"a rewind was tried without changing anything, and fails: {found.dry_run}"
    return ""


def clone_lacks(found: Remnant) -> str:
    """Return what keeps a whole copy from being made and swapped in; empty when nothing is seen to."""
    if found.trouble:
        return f"what is left of it was not read: {found.trouble}"
    if "pg_basebackup" in found.missing:
        return "there is no pg_basebackup on its host"
    spaces = sorted({*(found.source_tablespaces or ()), *found.own_tablespaces})
    if spaces:
        return f"there are tablespaces ({', '.join(spaces)}): the console does not know where copies of them would lie"
    if found.is_apart:
        return "its data directory is a mount point or a link, and cannot be renamed: declare a directory below it"
    if found.free_bytes is not None and found.source_bytes is not None:
        needed = found.source_bytes + SPARE_BYTES
        if found.free_bytes < needed:
            return f"{size(found.free_bytes)} are free beside its data directory, and {size(needed)} are needed"
    return ""


def _why(found: Remnant, way: Way, lacks: Mapping[Way, str]) -> str:
    if way == "follow":
        if found.timeline == found.source_timeline:
            return f"it is a standby on timeline {found.timeline} still, as {found.source} is"
        return f'it is "{found.control_state}", and its log ends where {found.source} left it, at {found.fork_lsn}'
    if way == "rewind":
        by = "data checksums" if found.has_checksums else "wal_log_hints"
        return f"{lacks.get('follow', 'chosen by the operator')}; it has {by}, and its log back to the fork"
    reasons = [f"not {each}: {lacks[each]}" for each in ("follow", "rewind") if each in lacks]
    if len(reasons) == 2 and lacks["follow"] == lacks["rewind"]:
        return lacks["follow"]
    return "; ".join(reasons) or "chosen by the operator"
