"""Numbers as they are said: exact near their limit, and still where nothing is the matter."""

import pytest

from ppsconsole.cluster.judging import calm
from ppsconsole.inventory.limits import Limit


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.0, "s", "<0.5s"),
        (0.008, "s", "<0.5s"),
        (0.6, "s", "0.6s"),
        (7.0, "s", "7s"),
        (-0.2, "s", "-0.2s"),
        (3.0, "%", "3%"),
    ],
)
def test_a_time_far_below_its_limit_is_only_said_to_be_that(value: float, unit: str, said: str) -> None:
    assert calm(value, Limit(5.0, 30.0), unit) == said
