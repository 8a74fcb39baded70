"""Faults that bar or break a switchover, made for real under load: named, remedied as the item says, and then it runs.

`pytest -s` prints each fault with its verdict, and the counts of the load generator. `python -m tests.lab.faults_remedied`
has more of them.
"""

from pathlib import Path

from tests.lab.conftest import running_lab
from tests.lab.faults_remedied import mended_and_switched_over
from tests.lab.kill_nursery import shared_nursery
from tests.lab.remedied_scene import RemedyScene


def test_what_bars_or_breaks_a_switchover_is_mended_as_it_is_told_and_it_runs(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        scene = RemedyScene(lab, tmp_path)
        scene.consoles.nursery = shared_nursery()
        counts = mended_and_switched_over(scene)
    assert (counts.written > 0, counts.lost) == (True, 0)
