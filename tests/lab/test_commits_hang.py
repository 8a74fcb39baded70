"""A synchronous standby that is gone, on real servers: commits hang, and what the console says to type lets them end.

The same with a console, a web front and a whole lab: `python -m tests.lab.fault_plays commits-hang`.
"""

import re
import threading
from collections.abc import Iterator

import pytest

from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.verdicts import Verdict
from tests.lab.pg_pair import PATIENT_S, until, wheel_binaries
from tests.lab.promoting import Promoting
from tests.unit.observations import change
from tests.unit.runbook_cases import declared, fine, seen, setting

WRITE = "SELECT pg_logical_emit_message(true, 'written', '')"
IN_STEP = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
SENDERS = "SELECT count(*) FROM pg_stat_replication"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
NAMES = "SHOW synchronous_standby_names"


@pytest.fixture
def pair() -> Iterator[Promoting]:
    made = Promoting(wheel_binaries())
    yield made
    made.end()


def test_commits_that_wait_for_a_synchronous_standby_that_is_gone_end_by_what_is_told(pair: Promoting) -> None:
    primary = pair.primary
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
    until(lambda: primary.sql(IN_STEP) == [(1,)], "the standby to be synchronous")
    pair.standby.stop()
    until(lambda: primary.sql(SENDERS) == [(0,)], "the primary to send to nobody")
    ended: list[object] = []
    writer = threading.Thread(target=lambda: ended.append(primary.sql(WRITE)), daemon=True)
    writer.start()
    until(lambda: primary.sql(WAITING) == [(1,)], "the write to hang")

    world = fine()  # as a look at these two would find it
    setting(world, "db1", synchronous_standby_names=primary.sql(NAMES)[0][0])
    change(world, "db1", replicas=())
    [told] = [each for each in advise(seen(world), declared()) if "commits do not end" in each.headline]
    assert told.verdict is Verdict.DOWN
    assert ended == []
    primary.sql(*re.findall('-c "([^"]+)"', told.remedy))
    writer.join(PATIENT_S)
    assert len(ended) == 1
