"""What is left of an instance that may become a standby again, and what stands beside it: a value."""

from dataclasses import dataclass
from typing import Literal

Known = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Remnant:
    """One reading of the data directory of `node`, on its own host, beside the primary that it would follow.

    What was not seen keeps the value that allows least.

    Attributes:
        source: The primary.
        at: When it was read, seconds since 1970 UTC.
        trouble: Why it could not be read at all; empty when it could.
        has_data: There is a data directory with a control file that can be read.
        has_directory: There is a folder at its place.
        is_running: Processes of a server work in it.
        control_state: As pg_controldata words it.
        system_identifier: Of its data.
        source_system: Of the primary's.
        major: Major version of its data; 0 is unknown.
        source_major: Likewise of the primary.
        programs_major: Of PostgreSQL's programs on its host; 0 is unknown.
        timeline: On which it ended.
        source_timeline: On which the primary writes.
        checkpoint_lsn: Where its last checkpoint lies.
        fork_lsn: Where the primary's history left its timeline; empty where that is the same, or never was part of it.
        beyond_fork: Whether its own log goes on behind the fork.
        has_wal_at_fork: Its log is there from the fork on.
        has_checksums: Its pages have checksums.
        has_hints: It ran with wal_log_hints.
        has_full_pages: It ran with full_page_writes.
        half_rewound: Which run began to rewind it and did not end that; empty when none did.
        dry_run: What a rewind that changes nothing came to: `ok`, why it fails, or empty when it was not tried.
        missing: Programs of PostgreSQL that are not on its host.
        is_owner: The console's login owns the data directory, and is not root.
        is_apart: The data directory is a mount point or a link: it cannot be renamed.
        wal_apart: Where its log lies if that is elsewhere; empty when it does not.
        own_tablespaces: Tablespaces that it has.
        source_tablespaces: Those that the primary has, None where nobody could look.
        slots: Replication slots that it keeps.
        lost_slots: Slots of the primary that have lost their log.
        has_archive: Its settings name a restore_command, which can bring log that the primary has no more.
        free_bytes: Room beside the data directory; None is unknown.
        source_bytes: What the primary's databases take; None is unknown.
        way_there: Why the primary is not reached from its host with the right to replicate; empty when it is, None not tried.
        way_untried: Why that was not tried.
    """

    node: str
    source: str
    at: float
    trouble: str = ""
    has_data: bool = False
    has_directory: bool = False
    is_running: bool = False
    control_state: str = ""
    system_identifier: str = ""
    source_system: str = ""
    major: int = 0
    source_major: int = 0
    programs_major: int = 0
    timeline: int = 0
    source_timeline: int = 0
    checkpoint_lsn: str = ""
    fork_lsn: str = ""
    beyond_fork: Known = "unknown"
    has_wal_at_fork: bool = False
    has_checksums: bool = False
    has_hints: bool = False
    has_full_pages: bool = False
    half_rewound: str = ""
    dry_run: str = ""
    missing: tuple[str, ...] = ()
    is_owner: bool = False
    is_apart: bool = False
    wal_apart: str = ""
    own_tablespaces: tuple[str, ...] = ()
    source_tablespaces: tuple[str, ...] | None = None
    slots: tuple[str, ...] = ()
    free_bytes: int | None = None
    source_bytes: int | None = None
    way_there: str | None = None
    way_untried: str = ""
    lost_slots: tuple[str, ...] = ()
    has_archive: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether it was stopped in good order, as a primary or as a standby."""
        return self.control_state.startswith("shut down")

    @property
    def was_standby(self) -> bool:
        """Whether its control file says that it was a standby."""
        return self.control_state in ("shut down in recovery", "in archive recovery")
