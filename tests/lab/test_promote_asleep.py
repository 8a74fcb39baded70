"""The promotion that sleeps for one wal_retrieve_retry_interval, made to happen on real servers: seen, told and woken."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.lab.promoting import MAJORS, PLAIN, WATCHER, Promoting, promoting


@pytest.fixture(params=MAJORS)
def pair(request: pytest.FixtureRequest) -> Iterator[Promoting]:
    with promoting(request.param, "wal_retrieve_retry_interval=1h") as made:
        yield made


def test_a_promotion_that_sleeps_is_seen_told_and_woken(pair: Promoting) -> None:
    """The interval is an hour: nothing but being woken ends the sleep."""
    for user, told in ((WATCHER, "sleeps for one wal_retrieve_retry_interval (1h)"), (PLAIN, "may not see what it waits for")):
        said: list[str] = []
        asked: list[str] = []

        def act(command: str, asked: list[str] = asked) -> None:
            """The first request comes in the one bad moment; the second one is as any other."""
            asked.append(command)
            if len(asked) == 1:
                pair.fall_asleep()
            else:
                pair.ask()

        asyncio.run(pair.promote(user, said, act))
        assert pair.is_promoted()
        assert len(asked) == 2
        assert asked[0] == asked[1]
        assert [each for each in said if told in each and "asked again" in each], said
        pair.change_places()
    # What the second request left behind has not promoted the one that it was for when it became a standby again.
    assert not pair.is_promoted()
