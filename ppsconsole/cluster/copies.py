"""Archival copies: databases that hold what a bundle held, and are told by their comment. Values inside facts.

When a copy was taken stands in the comment on its database (`COMMENT ON DATABASE`), written by whoever restored it: it needs no
table of the password server's own (law 11), it is moved with the database when that is renamed, and a dump of the database does
not carry it to where it would not be true.
"""

from dataclasses import replace

from ppsconsole.values import dataclass

_MARK = "ppsconsole copy"


@dataclass(frozen=True, slots=True)
class Copy:
    """One database that holds a copy.

    Attributes:
        database: Its name.
        bundle: Which bundle was restored into it.
        cluster: Whose.
        taken_at: When the bundle's snapshot was taken, seconds since 1970 UTC: what was written later is not in it.
        pps_version: Of the PPS that wrote it; empty where nobody could tell.
        is_verified: Every table was counted and hashed after the restore, and found the same as when it was dumped.
        size_bytes: On the disk.
    """

    database: str
    bundle: str
    cluster: str
    taken_at: float
    pps_version: str = ""
    is_verified: bool = False
    size_bytes: int = 0

    def comment(self) -> str:
        """Return the comment that makes its database known as this copy."""
        import json  # not needed for the first frame

        values = {"bundle": self.bundle, "cluster": self.cluster, "taken_at": self.taken_at, "pps_version": self.pps_version}
        return f"{_MARK} " + json.dumps({**values, "is_verified": self.is_verified}, ensure_ascii=True)

    def age_s(self, now: float) -> float:
        """Return for how long, in seconds, nothing that was written is in it: what would be lost with it."""
        return max(0.0, now - self.taken_at)


def copy_of(database: str, comment: str | None, size_bytes: int = 0) -> Copy | None:
    """Return the copy that the comment on `database` tells of; None where it tells of none."""
    if comment is None or not comment.startswith(_MARK):
        return None
    from ppsconsole.cluster.told import told_json  # not needed for the first frame

    try:
        found = told_json(comment.removeprefix(_MARK))
        bundle, cluster, version = (str(found[name])[:120] for name in ("bundle", "cluster", "pps_version"))
        made = Copy(database, bundle, cluster, float(found["taken_at"]), version, found["is_verified"] is True)
    except (ValueError, KeyError, TypeError):
        return None
    return replace(made, size_bytes=size_bytes)


def best_copy(copies: tuple[Copy, ...], cluster: str, bundle: str = "") -> Copy | None:
    """Return the newest verified copy of `cluster`, or that of one bundle; None where there is none.

    Args:
        copies: What there is.
        cluster: Another one's copies do not count.
        bundle: The one that is wanted; empty for the newest.
    """
    usable = [each for each in copies if each.is_verified and each.cluster == cluster and bundle in ("", each.bundle)]
    return max(usable, key=lambda each: each.taken_at, default=None)


@dataclass(frozen=True, slots=True)
class Offered:
    """One bundle in the archive of an alternate server, as far as its name and manifest tell.

    Attributes:
        bundle: Name of its folder.
        cluster: Whose; empty where its manifest cannot be read.
        taken_at: When its snapshot of the database was taken, seconds since 1970 UTC.
        trouble: Why it cannot be restored; empty where nothing is seen against it.
    """

    bundle: str
    cluster: str
    taken_at: float
    pps_version: str = ""
    size_bytes: int = 0
    trouble: str = ""


def best_offer(offered: tuple[Offered, ...], cluster: str, bundle: str = "") -> Offered | None:
    """Return the newest bundle of `cluster` that nothing is seen against, or the one called `bundle`; None for none."""
    usable = [each for each in offered if not each.trouble and each.cluster == cluster and bundle in ("", each.bundle)]
    return max(usable, key=lambda each: each.taken_at, default=None)
