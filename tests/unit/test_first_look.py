"""How far the first look is: from the probes, and in words."""

import asyncio

from ppsconsole.cluster.picture import Attempt, FirstLook
from ppsconsole.draw.first_look import first_look_lines, first_look_words
from ppsconsole.draw.text import UNICODE, line_text
from ppsconsole.probes.monitor import Monitor, first_looks
from tests.tui.scripted import inventory
from tests.unit.test_monitor import Scripted

NOW = 1000.0


def drawn(*looks: FirstLook, width: int = 60) -> list[str]:
    return [line_text(line).rstrip() for line in first_look_lines(looks, inventory(), NOW, width, UNICODE)]


def test_a_target_of_several_probes_has_answered_when_one_was_answered() -> None:
    targets = ("db1", "db1", "db2", "db3", "db4")
    looks = first_looks(targets, {0: Attempt("db1", 7.0), 2: Attempt("db2", 5.0)}, {0: "refused", 1: "", 3: "timed-out"})
    assert looks == (
        FirstLook("db1", "answered"),  # it is looked at again, which is no first look any more
        FirstLook("db2", "trying", 5.0),
        FirstLook("db3", "failed", words="timed-out"),
        FirstLook("db4", "waiting"),
    )


def test_the_longest_wait_comes_first_and_hosts_behind_a_bastion_wait_for_it() -> None:
    lines = drawn(
        FirstLook("pps1-host", "trying", NOW - 3),
        FirstLook("bastion-a", "trying", NOW - 2),
        FirstLook("bastion-b", "answered"),
        FirstLook("db1", "trying", NOW - 0.2),
        FirstLook("db2-host", "trying", NOW - 4),
        FirstLook("pps2", "trying", NOW - 0.1),
        FirstLook("db2", "failed", words="refused"),
    )
    assert lines == [
        "  still trying db2-host (4 s), bastion-a (2 s), pps2",
        "  waiting      pps1-host, db1 for bastion-a",
        "  no answer    db2 (refused)",
        "  answered     bastion-b",
    ]


def test_a_thousand_hosts_make_a_few_lines() -> None:
    looks = tuple(FirstLook(f"h{number}", "trying", NOW) for number in range(1000))
    assert len(drawn(*looks, width=40)) <= 4
    assert "and 988 more" in drawn(*looks, width=200)[0]
    assert first_look_words(looks) == "First look: 0 of 1000 answered."
    assert first_look_words(()) == "First look: nothing was tried yet."


def test_pictures_tell_it_until_everything_was_looked_at() -> None:
    async def main() -> None:
        slow = Scripted("slow", ["hang"])
        monitor = Monitor(inventory(), make_probes=lambda _: (Scripted("quick", [[]]), slow))
        assert monitor.picture.first_looks == ()
        polling = asyncio.create_task(monitor.run())
        async with asyncio.timeout(90):
            async for picture in monitor.pictures():
                if [each.state for each in picture.first_looks] == ["failed", "trying"]:
                    break
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)

    asyncio.run(main())
