"""One row of the table of what can go wrong."""

from dataclasses import dataclass

PREFLIGHT = "tests/lab/test_preflight_faults.py::test_the_item_of_each_fault_fails_and_no_other"
REMEDIED = "tests/lab/test_faults_remedied.py::test_what_bars_or_breaks_a_switchover_is_mended_as_it_is_told_and_it_runs"
STORIES = "tests/lab/test_fault_stories.py::"
PLAYS = "tests/lab/fault_plays"
"""Begins the name of a play: it is played by `python -m tests.lab.fault_plays`, not by the suite."""
BROKEN = "tests/lab/test_steps_broken.py::"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that can go wrong.

    Attributes:
        fault: What goes wrong.
        does: What the console does then.
        ends: How it ends, as the exit codes call it; "told" where nothing is run.
        test: The test that shows it, by its node id, or the play.
    """

    fault: str
    does: str
    ends: str
    test: str
