"""What can go wrong with the lines between machines."""

from tests.lab.faults_row import BROKEN, Row

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
        "a line is cut, loses one direction, or is slow and loses data, in the middle of a run, and is healed",
        "waits for it within bounds, looks what came of it, goes on, goes back, or holds until it is resumed",
        "success, maybe with issues, or rolled back; 0 lost",
        "tests/lab/partitions.py::rows",
    ),
    Row(
        "the primary that was out of reach is back, alive, before the promotion of a failover",
        "gives up nothing of it, whatever loss was accepted; can be backed out",
        "held",
        "tests/engine/test_gates.py::test_nothing_is_given_up_once_the_old_primary_answers_again_whatever_was_accepted",
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
        "a line loses what is sent before an act, then the answers while it runs (real sshd), and is healed",
        "knows that nothing was done, then holds as unknown; resumed, finds it done and does not send it again",
        "held twice, then success",
        "tests/lab/test_netns.py::test_a_line_that_loses_one_direction_in_the_middle_of_a_run_and_is_healed",
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
