"""Many runs over the modelled cluster: `python -m tests.bench simulate --runs N --seed S`.

Plays the stories of the seeds from S on until N runs were begun, and ends with 1 at the first that goes wrong, shrunk and with
what it takes to play it again. The model is a double at the driver boundary (`tests.engine.model`); everything above is real.
"""

import argparse
import contextlib
import sys

from tests.engine.model.declared import declared
from tests.engine.model.playing import tell
from tests.engine.model.property import Tally, play_parts
from tests.engine.model.story import story_of


def run(argv: list[str]) -> int:
    """Play; return 0 when nothing went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench simulate", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="runs to begin")
    parser.add_argument("--seed", type=int, default=0, help="the first story")
    parser.add_argument("--jobs", type=int, default=1, help="processes that play at the same time")
    parser.add_argument("--told", action="store_true", help="tell what happens in the story of --seed, and play no other")
    chosen = parser.parse_args(argv)
    if chosen.told:
        story = story_of(chosen.seed, declared())
        told = tell(story, declared())
        print("\n".join([story.told(), *told.trace, *(f"WRONG: {each}" for each in told.wrongs)]))
        return 1 if told.wrongs else 0
    whole = Tally()
    with contextlib.closing(play_parts(chosen.seed, declared(), max(1, chosen.jobs), chosen.runs)) as parts:
        for seeds, part in parts:
            whole.unite(part)
            print(f"seeds {chosen.seed} to {seeds.start + part.stories - 1}: {whole.said()}", flush=True)
            if whole.wrong:
                break
    if whole.wrong:
        print(f"NOT RIGHT: {whole.wrong}", file=sys.stderr)
    return 1 if whole.wrong else 0
