"""What can go wrong with databases and their hosts."""

from tests.lab.faults_row import PREFLIGHT, REMEDIED, Row

DATABASES = (
    Row(
        "nothing: a planned move, users at work",
        "stops the primary cleanly, proves that the standby has all of it, promotes, lets the old one follow",
        "success",
        "tests/lab/test_run_commands.py::test_a_switchover_loses_nothing_and_the_old_primary_follows",
    ),
    Row(
        "the standby lags behind",
        "a stop is followed by no promotion until the end of the log has arrived",
        "not proved",
        "tests/lab/test_actions.py::test_zero_loss_is_not_proved_while_the_standby_lags",
    ),
    Row(
        "the standby is seconds behind before a switchover",
        "refuses until it has caught up: the stop would wait for it, and users with it",
        "plan refused; then success, 0 lost",
        REMEDIED,
    ),
    Row(
        "the standby's receiver was stopped and calls itself streaming",
        "says since when it heard nothing, and how it is ended or woken",
        "plan refused; then success, 0 lost",
        REMEDIED,
    ),
    Row(
        "the standby's receiver hangs from after the plan on",
        "asks before the stop whether what was written arrives, and stops nothing",
        "rolled back",
        "tests/unit/test_stop_precheck.py::test_it_is_not_stopped_for_one_that_could_not_follow",
    ),
    Row(
        "the primary waits for ever for a standby while it stops",
        "says who holds it up; never kills it",
        "no proof",
        "tests/lab/test_actions.py::test_a_hung_walsender_keeps_a_stop_from_its_proof_and_is_not_killed",
    ),
    Row(
        "the primary is killed, its disk can be read",
        "brings over what the standby lacks, and proves it",
        "success, 0 lost",
        "tests/lab/test_loss_truth.py::"
        "test_what_only_the_dead_primary_had_is_salvaged_also_by_the_console_after_one_that_was_killed",
    ),
    Row(
        "the primary is killed, its disk cannot be read",
        "announces the loss, has it accepted, lists it once the disk can be read",
        "success with issues",
        "tests/lab/test_loss_truth.py::test_what_cannot_be_salvaged_is_announced_and_listed_once_the_disk_can_be_read",
    ),
    Row(
        "the primary freezes, and wakes up after the failover",
        "raises an alarm; web nodes do not go back to it; fences it again",
        "success",
        "tests/lab/test_fencing.py::test_a_primary_that_wakes_after_the_failover_is_an_alarm_and_a_reboot_does_not_bring_it_back",
    ),
    Row(
        "the primary is only out of reach",
        "refuses to call it dead; a site that is cut off takes a typed statement",
        "plan refused",
        "tests/lab/test_fencing.py::test_out_of_reach_is_not_dead_and_a_site_that_is_cut_off_takes_a_statement",
    ),
    Row(
        "replay is paused on the standby",
        "names it, with the statement that resumes it",
        "plan refused; then success, 0 lost",
        REMEDIED,
    ),
    Row(
        "the standby delays what it replays",
        "names the setting and its value, with the statement that ends it",
        "plan refused; then success, 0 lost",
        REMEDIED,
    ),
    Row(
        "parameters of the standby are smaller, and its replay stopped at that",
        "names each with both values and what raises them; says not to resume",
        "plan refused; then success, 0 lost",
        REMEDIED,
    ),
    Row(
        "the old primary could not follow, or takes no queries as a standby",
        "names each setting with both values",
        "plan refused",
        f"{PREFLIGHT}[parameters]",
    ),
    Row(
        "the archive takes nothing",
        "names it, with the log that says why",
        "plan refused; then success, 0 lost",
        REMEDIED,
    ),
    Row(
        "a prepared transaction is left",
        "warns: it survives the move and holds its locks; tells how it is ended in its own database",
        "warns; then success, 0 lost",
        REMEDIED,
    ),
    Row(
        "a transaction is open for long, or idle",
        "warns: the stop ends it; tells whose it is",
        "warns; then success, 0 lost",
        REMEDIED,
    ),
    Row(
        "the standby waits for a synchronous standby that will be gone",
        "names the setting",
        "plan refused",
        f"{PREFLIGHT}[libraries]",
    ),
    Row("the standby's slot does not exist", "names the slot", "plan refused", f"{PREFLIGHT}[standby-slot]"),
    Row(
        "the standby was promoted by somebody, and made a standby again",
        "sees that the timelines parted",
        "plan refused",
        f"{PREFLIGHT}[timelines]",
    ),
    Row(
        "a promotion sleeps in the one moment in which PostgreSQL sleeps over it",
        "sees it, says so, wakes it",
        "success",
        "tests/lab/test_promote_asleep.py::test_a_promotion_that_sleeps_is_seen_told_and_woken",
    ),
    Row(
        "the disk of the standby's host fills up while a dead primary's log is brought",
        "leaves nothing half-written, goes on where it was left",
        "success",
        "tests/lab/test_salvage.py::test_a_salvage_that_is_disturbed_leaves_nothing_half_written_and_goes_on_where_it_was_left",
    ),
    Row(
        "an old primary cannot be rewound: no checksums, its log is gone",
        "copies the primary anew; sets the old directory aside",
        "success",
        "tests/lab/test_rejoin.py::test_what_cannot_be_rewound_is_copied_anew_and_nothing_is_deleted",
    ),
    Row(
        "the console dies while a rewind runs",
        "the rewind goes on; resumed, it is looked at first",
        "success",
        "tests/lab/test_rejoin.py::test_what_wrote_alone_is_rewound_its_writes_are_listed_and_the_way_home_is_a_switchover",
    ),
    Row(
        "somebody promotes the standby while the run goes back",
        "does not start the old primary beside it",
        "refused",
        "tests/lab/test_actions_switchover.py::test_an_old_primary_is_not_started_beside_one_that_was_promoted_meanwhile",
    ),
    Row(
        "a second administrator starts the dead primary between fence and promotion",
        "looks again before it promotes, and does not; can be backed out",
        "incomplete, then rolled back, 0 lost",
        "tests/lab/test_fault_stories.py::"
        "test_a_dead_primary_that_somebody_starts_between_fence_and_promotion_keeps_the_run_from_promoting",
    ),
    Row(
        "the old primary runs beside the new one when it is to be quarantined",
        "names the second primary, and how to fence and rejoin it; never calls that a success",
        "incomplete",
        "tests/unit/test_risen.py::"
        "test_an_old_primary_that_runs_as_one_is_told_as_a_second_primary_where_it_is_to_be_quarantined",
    ),
    Row(
        "the synchronous standby is gone, so that no commit ends",
        "says so of the primary, with the statement that lets commits end",
        "told",
        "tests/unit/test_lost_standby.py::"
        "test_a_primary_that_waits_for_its_standby_is_down_and_the_statement_that_frees_it_is_told",
    ),
    Row(
        "the slot of a standby has lost its log",
        "says so, does not blame the network, and copies the standby anew unless an archive has the log",
        "told",
        "tests/unit/test_lost_standby.py::test_a_lost_slot_takes_a_copy_unless_there_is_an_archive",
    ),
    Row(
        "a standby's `standby.signal` is missing, or its rewind never ended",
        "does not start it: it would be a second primary, or is half of one",
        "told",
        "tests/unit/test_lost_standby.py::test_what_would_not_come_up_as_what_it_was_is_told_apart",
    ),
    Row(
        "the console's own password of the database is wrong",
        "says so of each database; everything else is seen as before",
        "told",
        "tests/lab/test_status.py::test_a_wrong_database_password_is_a_fact_and_disturbs_nothing_else",
    ),
    Row(
        "the copy of a primary is cut off half-way",
        "never uses it, makes another one beside it",
        "success",
        "tests/lab/test_broken_copies.py::test_a_copy_that_was_cut_off_is_never_used_and_is_made_anew_beside_it",
    ),
    Row(
        "the primary is lost, and the standby is a snapshot copy",
        "announces the age of the copy as the loss, loses that and no more",
        "success with issues",
        "tests/lab/test_other_standbys.py::test_a_snapshot_copy_takes_over_and_loses_what_was_announced_and_no_more",
    ),
    Row(
        "the databases are of an older major version (15)",
        "copies, compares and swaps all the same",
        "success",
        "tests/lab/test_restore_system.py::test_an_older_server_is_copied_compared_swapped_and_backed_up_all_the_same",
    ),
    Row(
        "a database is of a version that is too old",
        "refuses it by name before anything is asked of it",
        "plan refused",
        "tests/unit/test_postgres_versions.py::test_nothing_is_planned_beside_one_that_is_too_old",
    ),
    Row(
        "third standbys, and one behind a standby, when the primary fails",
        "takes them along: they follow the new primary",
        "success",
        "tests/lab/test_other_standbys.py::test_a_failover_takes_the_other_standbys_along_and_what_wrote_alone_is_rewound",
    ),
    Row(
        "a third standby has more than the one that is promoted",
        "announces it, leaves it as it is, and names its way home: a rejoin",
        "success with issues",
        "tests/unit/test_other_standbys.py::test_one_that_is_ahead_is_announced_and_its_step_refuses_by_name",
    ),
    Row(
        "the primary is gone, and there is only a snapshot copy",
        "announces its age as the loss, has it accepted, and makes it the primary",
        "success, no more lost than announced",
        "tests/lab/test_other_standbys.py::test_a_snapshot_copy_takes_over_and_loses_what_was_announced_and_no_more",
    ),
    Row(
        "a copy is half-made: killed, or the disk is full",
        "never starts it; keeps it under another name and makes it anew; the old directory stays as it is",
        "failed step, resumed",
        "tests/lab/test_broken_copies.py::test_a_copy_that_was_cut_off_is_never_used_and_is_made_anew_beside_it",
    ),
    Row(
        "a server is older than PostgreSQL 12",
        "refuses it by name before it asks it anything",
        "plan refused",
        "tests/unit/test_postgres_versions.py::test_nothing_is_planned_beside_one_that_is_too_old",
    ),
)
