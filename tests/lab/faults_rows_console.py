"""What can go wrong with the console itself, its machine, and what it reads."""

from tests.lab.faults_row import Row

CONSOLE = (
    Row(
        "the console is killed (SIGKILL) at any record",
        "the next one looks first, goes on, and does nothing twice",
        "success",
        "tests/lab/test_kills.py::test_consoles_that_are_killed_one_after_the_other_do_everything_once",
    ),
    Row(
        "the same in every runbook, and while one is backed out of (a real journal, a scripted world)",
        "the next one looks first, goes on, and does nothing twice",
        "success, rolled back",
        "tests/engine/test_killed.py::test_killed_before_and_after_records_of_every_plan_then_taken_up_again",
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
        "a hang-up, a termination, Ctrl-C or a closed terminal under `run`, `runs resume` or `runs back-out`",
        "ends and verifies the step at hand, begins no other, leaves",
        "held (5)",
        "tests/cli/test_leaving_a_run.py::test_a_run_is_left_in_every_way_and_stopped_in_none",
    ),
    Row(
        "Ctrl-Z under one of these, or in the console at a step of a run",
        "does not stop: a process that stands still would keep the lease in silence; says how to hold the run",
        "goes on",
        "tests/cli/test_leaving_a_run.py::test_a_run_is_left_in_every_way_and_stopped_in_none",
    ),
    Row(
        "the terminal of a run by command takes nothing (Ctrl-S, a pager that is not scrolled)",
        "goes on with the run, can be left as ever, and prints when it is read again",
        "as planned",
        "tests/cli/test_leaving_a_run.py::test_a_run_is_left_in_every_way_and_stopped_in_none",
    ),
    Row(
        "Ctrl-Z in the console otherwise",
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
