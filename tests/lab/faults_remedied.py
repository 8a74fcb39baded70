"""Faults that bar or break a switchover or a failover, on one real lab under load: named, mended as it is told, counted.

python -m tests.lab.faults_remedied
"""

import tempfile
from pathlib import Path

from tests.lab.conftest import running_lab
from tests.lab.fault_scene import Counts
from tests.lab.remedied_faults import (
    balancer_broken_at_its_reload,
    balancer_broken_before,
    failover_behind,
    primary_restarted_with_more,
    standby_held_back,
)
from tests.lab.remedied_scene import RemedyScene


def mended_and_switched_over(scene: RemedyScene) -> Counts:
    """Make what bars a switchover, mend it as the plan says, have nginx broken in its run, mend that; return what was lost."""
    old, new = scene.aim()
    with scene.counted("what barred and broke it was mended as it was told, switched over") as counts:
        mended = primary_restarted_with_more(scene, old, new) + standby_held_back(scene, old, new)
        balancer_broken_at_its_reload(scene, old, new, *mended)
    return counts


def main() -> None:
    """Play all of them, one after the other."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, running_lab(Path(folder)) as lab:
        scene = RemedyScene(lab, Path(folder))
        assert mended_and_switched_over(scene).lost == 0
        old, new = scene.aim()
        with scene.counted("nginx was broken by hand before a run") as counts:
            balancer_broken_before(scene, old, new)
        assert counts.lost == 0
        failover_behind(scene, old, new)


if __name__ == "__main__":
    main()
