"""What can go wrong, what the console does, how it ends, and the test that shows it."""

from dataclasses import dataclass

PREFLIGHT = "tests/lab/test_preflight_faults.py::test_the_item_of_each_fault_fails_and_no_other"
BROKEN = "tests/lab/test_steps_broken.py::"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that can go wrong.

    Attributes:
        fault: What goes wrong.
        does: What the console does then.
        ends: How it ends, as the exit codes call it; "told" where nothing is run.
        test: The test that shows it, by its node id.
    """

    fault: str
    does: str
    ends: str
    test: str


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
        "the standby's receiver hangs and calls itself streaming",
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
        "replay is paused on the standby", "names it, with the statement that resumes it", "plan refused", f"{PREFLIGHT}[replay]"
    ),
    Row("the standby delays what it replays", "names the setting and its value", "plan refused", f"{PREFLIGHT}[replay]"),
    Row(
        "parameters of the standby are smaller, or do not fit",
        "names each with both values; refuses where the standby takes no queries",
        "plan refused",
        f"{PREFLIGHT}[parameters]",
    ),
    Row("the archive takes nothing", "names it, with its remedy", "plan refused", f"{PREFLIGHT}[parameters]"),
    Row(
        "a prepared transaction is left",
        "warns: it survives the move and goes on holding locks",
        "warns",
        f"{PREFLIGHT}[parameters]",
    ),
    Row("a transaction is open for long", "warns: the stop ends it", "warns", f"{PREFLIGHT}[libraries]"),
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

AROUND = (
    Row(
        "nginx's file was broken by hand",
        "touches nothing and leaves the file as it is; users go on",
        "rolled back",
        f"{BROKEN}test_a_balancer_whose_file_was_spoilt_by_hand_is_not_touched_and_goes_on_serving",
    ),
    Row(
        "nginx refuses the file that the console wrote",
        "puts the one from before back",
        "failed step, undone",
        "tests/lab/test_actions.py::test_a_file_that_nginx_does_not_accept_is_put_back",
    ),
    Row(
        "a certificate has expired, is not valid yet, or is for another name",
        "says which, with its dates; trusts nothing for it",
        "told",
        "tests/lab/test_web_driver.py::test_a_certificate_that_is_refused_is_still_described",
    ),
    Row(
        "a web node does not start behind the promotion (its certificate is spoilt)",
        "stops there: no way back by now; goes on once that is mended",
        "held, then success",
        f"{BROKEN}test_a_web_node_that_does_not_start_after_the_promotion_is_mended_and_the_run_gone_on_with",
    ),
    Row(
        "both sites are lost",
        "brings users to the alternate server, with the loss accepted by name",
        "success",
        "tests/lab/test_alternate.py::test_both_sites_are_lost_and_users_get_in_at_the_alternate_server",
    ),
    Row(
        "the disk is full before a restore",
        "says so before anybody is kept out",
        "failed, nothing done",
        "tests/lab/test_restore.py::test_a_disk_without_room_is_told_before_anybody_is_kept_out",
    ),
    Row(
        "the console dies between the two renames of a restore",
        "goes on there; a second time changes nothing",
        "success",
        "tests/lab/test_swap_database.py::test_who_goes_on_between_the_renames_finishes_and_a_second_time_changes_nothing",
    ),
    Row(
        "the disk fills up during a backup",
        "leaves nothing under a final name",
        "failed",
        "tests/lab/test_backup.py::test_a_full_disk_leaves_nothing_half_written_under_a_final_name",
    ),
)

LINES = (
    Row(
        "replication is cut between plan and run",
        "the world moved: nothing is touched",
        "plan refused",
        f"{BROKEN}test_a_replication_road_cut_after_the_plan_was_approved_blocks_it",
    ),
    Row(
        "replication is cut in the middle of a run",
        "found out before the stop; everything is put back",
        "rolled back",
        f"{BROKEN}test_a_replication_road_cut_in_the_middle_of_a_run_sends_it_all_the_way_back",
    ),
    Row(
        "the standby's host is cut off in the middle of a run",
        "goes on to nothing without its lease; can be backed out",
        "rolled back",
        f"{BROKEN}test_a_standby_whose_host_is_cut_off_stops_nothing_and_the_way_back_is_open",
    ),
    Row(
        "the SSH line drops while data stream through it",
        "tells it as a dropped line, never as an end",
        "told",
        "tests/lab/test_pipes.py::test_a_line_that_is_lost_is_no_end",
    ),
    Row(
        "the SSH line drops while a step acts: before the end, before the answer, in the output",
        "looks what came of it, goes on, does nothing twice; holds where it cannot look",
        "success, 0 lost",
        "tests/lab/test_fault_stories.py::"
        "test_a_line_that_drops_while_a_step_acts_is_answered_by_looking_and_nothing_is_done_twice",
    ),
    Row(
        "the SSH line drops while a service is stopped",
        "waits for the stop, which goes on without the line, before anything is put back",
        "success",
        "tests/unit/test_service_dropped.py::test_what_may_be_at_it_still_is_waited_for",
    ),
    Row(
        "the SSH line drops while a long command runs",
        "the command goes on, is found again, and is started once",
        "success",
        "tests/engine/test_guard.py::test_a_detached_command_outlives_the_line_and_is_started_once",
    ),
    Row(
        "the SSH line goes silent",
        "gives it up after its limit; nobody else waits for it",
        "told",
        "tests/lab/test_ssh_driver.py::test_a_line_that_goes_silent_is_given_up_and_closing_does_not_wait",
    ),
    Row(
        "a host answers with another key",
        "refuses it, with file and both fingerprints",
        "refused",
        "tests/lab/test_ssh_keys.py::test_a_changed_key_is_refused_louder",
    ),
    Row(
        "only the console has lost the primary (network namespaces)",
        "sees that others see it alive",
        "plan refused",
        "tests/lab/test_netns.py::test_a_primary_that_only_the_console_has_lost_is_not_failed_over",
    ),
    Row(
        "sites are parted, first one way, then whole (network namespaces)",
        "names the way that is cut; bars what would make a second primary",
        "plan refused",
        "tests/lab/test_netns.py::test_sites_that_are_parted_first_one_way_and_then_whole",
    ),
    Row(
        "the line is cut in the middle of a run, with real sshd, and healed later",
        "holds as unknown; resumed, it finds the step done and does not send it again",
        "held, then success",
        "tests/lab/test_netns.py::test_a_line_that_is_cut_in_the_middle_of_a_run_and_healed",
    ),
    Row(
        "a login asks sudo for more than the README allows",
        "is refused by the host",
        "refused",
        "tests/lab/test_netns.py::test_sudo_lets_through_what_the_readme_tells_and_nothing_else",
    ),
    Row(
        "real sshd, a chain of bastions, sudo with exact rules",
        "runs through what sudo allows; all else is refused",
        "success",
        "tests/lab/test_netns.py::test_a_switchover_through_real_sshd_and_sudo",
    ),
)

CONSOLE = (
    Row(
        "the console is killed (SIGKILL) at any record",
        "the next one looks first, goes on, and does nothing twice",
        "success",
        "tests/lab/test_kills.py::test_consoles_that_are_killed_one_after_the_other_do_everything_once",
    ),
    Row(
        "the terminal or the line to it goes in the middle of a run",
        "ends and verifies the step at hand, holds",
        "held, then success",
        "tests/lab/test_console_tmux.py::test_a_line_that_drops_in_a_run_leaves_it_held_and_the_next_console_ends_it",
    ),
    Row(
        "a hang-up, a termination or Ctrl-C",
        "ends and verifies the step at hand, begins no other, leaves",
        "held",
        "tests/tui/test_run_screen.py::test_leaving_finishes_and_verifies_the_step_at_hand_journals_held_and_begins_no_other",
    ),
    Row(
        "Ctrl-Z",
        "gives the shell back; `fg` brings the console back",
        "goes on",
        "tests/tui/test_leaving.py::test_ctrl_z_gives_the_shell_back_and_fg_the_console",
    ),
    Row(
        "the console's machine sleeps, and its run is taken over meanwhile",
        "does nothing when it wakes, and says who has the run",
        "refused (7)",
        "tests/lab/test_asleep.py::test_a_console_that_slept_through_a_takeover_does_nothing_and_says_so",
    ),
    Row(
        "a second console wants to run something",
        "is told who holds the lease",
        "refused (7)",
        "tests/lab/test_run_commands.py::test_a_run_is_held_killed_and_gone_on_with_from_another_machine",
    ),
    Row(
        "the disk under the journal is full",
        "goes on in the room that was put by",
        "goes on",
        "tests/engine/test_journal.py::test_a_full_disk_under_a_run_is_survived_by_what_was_put_by",
    ),
    Row(
        "a hang-up, Ctrl-Z or a closed terminal in any screen",
        "leaves every screen as it must, and the terminal whole",
        "leaves",
        "tests/tui/test_leaving_everywhere.py::test_every_screen_is_stopped_continued_and_left",
    ),
    Row(
        "a journal or a folder of the console is a link that somebody planted",
        "refuses it and touches nothing behind it",
        "refused",
        "tests/unit/test_private_files.py::test_a_journal_that_somebody_planted_is_refused_and_not_touched",
    ),
    Row(
        "a lease or a marker on a host is a link that somebody planted",
        "writes through no link",
        "refused",
        "tests/unit/test_planted_links.py::test_no_lease_is_taken_through_a_link",
    ),
    Row(
        "the journal is on a network file system",
        "refuses it",
        "refused",
        "tests/engine/test_journal.py::test_network_file_systems_are_refused",
    ),
    Row(
        "the journal is damaged",
        "names it and does not touch it; the hosts have copies",
        "refused",
        "tests/engine/test_journal.py::test_a_damaged_journal_is_named_and_not_touched",
    ),
    Row(
        "the journal is of a newer version",
        "leaves it alone",
        "refused",
        "tests/engine/test_journal.py::test_a_newer_journal_is_refused_and_left_alone",
    ),
    Row(
        "a clock is wrong",
        "decides nothing by it",
        "told",
        "tests/engine/test_lease_attacked.py::test_a_clock_that_is_wrong_decides_nothing",
    ),
    Row(
        "any step fails, hangs, lies, or drops its line",
        "goes all the way back before the point of no return, stops behind it",
        "rolled back, held",
        "tests/engine/test_every_step.py::test_a_broken_step_ends_as_it_must",
    ),
    Row(
        "thousands of stories of such faults, played by seed against a model",
        "keeps its laws: one writer, no silent loss, no success that was not seen",
        "as each must",
        "tests/engine/test_property.py::test_property_no_story_goes_wrong",
    ),
    Row(
        "a host prints control characters or secrets",
        "shows neither",
        "told",
        "tests/lab/test_ssh_driver.py::test_what_is_recorded_has_no_secrets_and_no_control_characters",
    ),
    Row(
        "a database answers with anything but what was asked",
        "tells it as a bad answer of that place",
        "told",
        "tests/lab/test_hostile_hosts.py::test_what_a_database_says_is_an_error_with_a_place",
    ),
    Row(
        "a command on a host prints without end",
        "cuts it off and says so",
        "told",
        "tests/lab/test_hostile_hosts.py::test_an_endless_command_is_cut_off",
    ),
    Row(
        "an inventory that is damaged, or hostile",
        "refuses it with line and remedy, repeats no secret",
        "refused (2)",
        "tests/unit/test_inventory_generated.py::test_a_hundred_generated_inventories",
    ),
    Row(
        "names and paths that a shell would misread",
        "sends them as they are: each command was run with such texts",
        "as planned",
        "tests/unit/test_shell_quoting.py::test_what_was_declared_is_what_arrives_and_nothing_else_runs",
    ),
)

GROUPS = {"databases": DATABASES, "web nodes, balancer, hosts": AROUND, "lines": LINES, "the console itself": CONSOLE}
