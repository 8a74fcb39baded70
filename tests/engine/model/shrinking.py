"""Makes a story that fails short: whatever is not needed for it to fail goes."""

from collections.abc import Iterator
from dataclasses import replace

from ppsconsole.inventory.model import Inventory
from tests.engine.model.playing import tell
from tests.engine.model.story import Story


def kind_of(wrong: str) -> str:
    """Return what sort of wrong it is: its words up to where the particulars begin."""
    return wrong.partition(":")[0].partition(",")[0]


def shrunk(story: Story, wrong: str, inventory: Inventory) -> Story:
    """Return the shortest story found that still goes wrong in the same way."""
    is_shorter = True
    while is_shorter:
        is_shorter = False
        for shorter in _shorter(story):
            if any(kind_of(each) == kind_of(wrong) for each in tell(shorter, inventory).wrongs):
                story, is_shorter = shorter, True
                break
    return story


def _shorter(story: Story) -> Iterator[Story]:
    """Yield stories with one thing less, the greatest savings first."""
    if story.choices:
        yield replace(story, choices=())
    if story.answers:
        yield replace(story, answers=())
    if story.then:
        yield replace(story, then=(), later=())
        yield replace(story, then=story.then[:-1])
    for plainer in (replace(story, later=()), replace(story, rung=""), replace(story, fence="")):
        if plainer != story:
            yield plainer
    for number in range(len(story.beats)):
        yield replace(story, beats=story.beats[:number] + story.beats[number + 1 :])
    for number in range(len(story.choices)):
        yield replace(story, choices=story.choices[:number] + story.choices[number + 1 :])
    if story.opening != "fine" and story.runbook == "switchover":
        yield replace(story, opening="fine")
