"""Many runs over the modelled cluster: `python -m tests.bench simulate --runs N --seed S`.

Plays the stories of the seeds from S on until N runs were begun, and ends with 1 at the first that goes wrong, shrunk and with
what it takes to play it again. The model is a double at the driver boundary (`tests.engine.model`); everything above is real.
"""

import argparse
import itertools
import sys

from tests.engine.model.declared import declared
from tests.engine.model.playing import tell
from tests.engine.model.property import Tally, play_all
from tests.engine.model.story import story_of

_CHUNK = 500


def run(argv: list[str]) -> int:
    """Play; return 0 when nothing went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench simulate", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="runs to begin")
    parser.add_argument("--seed", type=int, default=0, help="the first story")
    parser.add_argument("--told", action="store_true", help="tell what happens in the story of --seed, and play no other")
    chosen = parser.parse_args(argv)
    if chosen.told:
        story = story_of(chosen.seed, declared())
        told = tell(story, declared())
        print("\n".join([story.told(), *told.trace, *(f"WRONG: {each}" for each in told.wrongs)]))
        return 1 if told.wrongs else 0
    whole = Tally()
    for first in itertools.count(chosen.seed, _CHUNK):
        part = play_all(range(first, first + _CHUNK), declared())
        whole.stories, whole.runs = whole.stories + part.stories, whole.runs + part.runs
        whole.states |= part.states
        whole.verdicts.update(part.verdicts)
        whole.took_s += part.took_s
        print(f"seeds {first} to {first + part.stories - 1}: {whole.said()}", flush=True)
        if part.wrong:
            print(f"NOT RIGHT: {part.wrong}", file=sys.stderr)
            return 1
        if whole.runs >= chosen.runs:
            return 0
    return 0
