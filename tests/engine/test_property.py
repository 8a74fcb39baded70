"""The invariants of DESIGN §5 over thousands of runs of a modelled cluster: faults at every boundary, every operator's choice.

`pytest tests/engine -k property -s` tells how many runs and distinct states; `python -m tests.bench simulate` plays more.
"""

import pytest

from tests.engine.model.declared import declared
from tests.engine.model.mutants import MUTANTS, Mutant
from tests.engine.model.playing import tell
from tests.engine.model.property import play_all, play_parts
from tests.engine.model.shrinking import shrunk
from tests.engine.model.story import Beat, Story, story_of

STORIES, PARTS = 2400, 4
TRIED = 60
"""So many stories at most are played with a mistake in the product; mostly one of the first finds it."""


@pytest.mark.parametrize("part", range(PARTS))
def test_property_no_story_goes_wrong(part: int) -> None:
    tally = play_all(range(part, STORIES, PARTS), declared())
    print(f"\npart {part + 1} of {PARTS}: {tally.said()}")
    assert not tally.wrong, tally.wrong
    assert tally.runs > tally.stories / 2, "most stories begin a run"


def test_property_a_story_is_the_same_each_time() -> None:
    for seed in (3, 6, 92, 180, 294):
        story = story_of(seed, declared())
        one, other = tell(story, declared()), tell(story, declared())
        assert (one.trace, one.events, one.verdicts) == (other.trace, other.events, other.verdicts)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_property_finds_a_product_that(mutant: Mutant) -> None:
    with mutant.at_work():
        for story in mutant.stories(TRIED):
            wrongs = tell(story, declared()).wrongs
            if any(wrong.startswith(mutant.wrong) for wrong in wrongs):
                break
        else:
            raise AssertionError("nothing was found")
        short = shrunk(story, next(wrong for wrong in wrongs if wrong.startswith(mutant.wrong)), declared())
        assert len(short.beats) <= len(story.beats)
        print(f"\n{wrongs[0]}\n{short.told()}")
    assert tell(short, declared()).wrongs == [], "the product as it is does not make this mistake"


def test_property_a_way_back_without_a_primary_says_soon_that_it_does_not_come_back() -> None:
    for fault in ("crash", "power-off"):
        beat = Beat("boundary", 10, fault, "db1")
        told = tell(Story(0, "fine", "switchover", beats=(beat,), choices=("abandon",)), declared())
        assert told.wrongs == []
        stood = next(line for line in told.trace if "not everything is back" in line)
        assert float(stood.split()[0]) < 60, "in the model's seconds; it was 105 once, and nothing brought the primary back"


def test_property_plays_as_many_runs_as_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.engine.model.property.PART", 5)
    parts = list(play_parts(3, declared(), 1, 12))
    assert sum(part.runs for _, part in parts) in (12, 13), "a story may begin a second run"
    assert [seeds.start for seeds, _ in parts] == [3, *(seeds.stop for seeds, _ in parts[:-1])], "and none was left out"
    assert all(part.stories == len(seeds) for seeds, part in parts[:-1])


FOUND = {
    "the site of the primary is cut off with a web node in it, which goes on writing": Story(6, "site-cut", "failover"),
    "another console backs out of steps whose records had not reached its copy": Story(
        294, "fine", "switchover", beats=(Beat("boundary", 11, "taken-over-back"),)
    ),
    "a failover is backed out: there was no primary to serve from before either": Story(
        186, "killed", "failover", beats=(Beat("boundary", 13, "taken-over-back"),)
    ),
    "a primary that was seen dead comes back with its host, and takes writes until it is fenced": Story(
        2862, "disk-lost-behind", "failover", beats=(Beat("call", 93, "reboot", "db1"),)
    ),
    "the journal fills up before a step that sends nothing, which was done again and again for ever": Story(
        3598, "machine-off", "failover", beats=(Beat("boundary", 30, "journal-full"),)
    ),
    "a fence that was backed out of: nothing of it is undone, and it was told as rolled back": Story(
        31063, "machine-off", "failover", then=("fence",), later=(Beat("boundary", 2, "taken-over-back"),)
    ),
    "a machine that was off when it was fenced, of whose return the plan did not warn": Story(
        22661, "disk-lost-behind", "failover", beats=(Beat("call", 1, "cut-console", "web1"),), fence="lies"
    ),
}
"""Stories that the product once got wrong, as they were found."""

BESIDE_A_SECOND = frozenset(("the journal fills up before a step that sends nothing, which was done again and again for ever",))
"""Their old primary was fenced by the silence of its writers, and is up again in the end: no success beside that."""


@pytest.mark.parametrize("words", FOUND)
def test_property_what_was_found_stays_mended(words: str) -> None:
    told = tell(FOUND[words], declared())
    assert told.wrongs == []
    if words in BESIDE_A_SECOND:
        assert told.verdicts == ["incomplete"], told.trace
        assert "db1 runs as a second primary: fence it" in told.trace[-1]
        return
    assert set(told.verdicts) <= {"rolled-back", "success", "success-with-issues"}, told.trace
    assert told.verdicts, told.trace
