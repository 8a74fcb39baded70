"""Inventories by seed (see `generated_inventories`): refused with places and remedies or accepted, no secret told, no hang.

A share of them runs here; `python -m tests.bench inventories --count 5000` runs all.
"""

import pytest

from ppsconsole.errors import InventoryError
from ppsconsole.inventory.load import parse
from ppsconsole.inventory.syntax import MOST_VALUES
from tests.unit.generated_inventories import judged


@pytest.mark.parametrize("hundred", range(10))
def test_a_hundred_generated_inventories(hundred: int) -> None:
    counts = [judged(seed) for seed in range(100 * hundred, 100 * hundred + 100)]
    assert 0 < counts.count(0) < 50, "some are accepted, or nothing is shown about those; most are refused"


@pytest.mark.parametrize("sign", ["!", "&", "*"])
def test_a_password_that_means_something_in_yaml_is_not_repeated(sign: str) -> None:
    for text in (f"password: {sign}hunter2", f"{{password: {sign}hunter2 }}", f"passphrase:\n  {sign}hunter2"):
        with pytest.raises(InventoryError) as caught:
            parse(text.encode(), "inv.yaml")
        assert "hunter2" not in str(caught.value)
        assert f"a value that begins with {sign} (not shown)" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["version: 1\nx: {" + "a: b, " * MOST_VALUES + "}", "- a\n" * (MOST_VALUES + 1), "\r" * MOST_VALUES * 2]
)
def test_a_file_with_millions_of_values_is_refused_before_it_is_read(text: str) -> None:
    with pytest.raises(InventoryError) as caught:
        parse(text.encode(), "inv.yaml")
    assert f"inv.yaml:1:1: the file holds more than {MOST_VALUES} values; an inventory of" in str(caught.value)


def test_some_thousand_mistakes_are_enough() -> None:
    with pytest.raises(InventoryError) as caught:
        parse(("x: 1\n" * 50_000).encode(), "inv.yaml")
    assert len(caught.value.mistakes) == 5001
    assert str(caught.value).endswith(
        ": more than 5000 mistakes: the rest is not listed; is this the right file? Mend those above first"
    )
