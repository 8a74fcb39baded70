"""Two databases compared by what was counted in them: sequences go on while a dump is made, and everything else does not."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ppsconsole.cluster.database_sums import DatabaseSums, TableSum


def dumped(now: str, before: str | None) -> DatabaseSums:
    return DatabaseSums({"public.a": TableSum(1, "7")}, {"s": now}, sequences_before={} if before is None else {"s": before})


def restored(sequences: Mapping[str, str]) -> DatabaseSums:
    return DatabaseSums({"public.a": TableSum(1, "7")}, sequences)


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ("7", "10", "9"),
        ("7", "10", "7"),
        ("7", "10", "10"),
        ("1 unused", "3", "1"),
        ("-7", "-10", "-9"),
        ("7", "7", "7"),
        (None, "7", "7"),
    ],
)
def test_a_dump_may_have_a_sequence_where_it_stood_meanwhile(before: str | None, now: str, found: str) -> None:
    assert dumped(now, before).differences(restored({"s": found})) == ()


@pytest.mark.parametrize(
    ("before", "now", "found", "said"),
    [
        ("7", "10", "6", "7 to 10 here, 6 there"),
        ("7", "10", "11", "7 to 10 here, 11 there"),
        ("1", "3", "1 unused", "1 to 3 here, 1 unused there"),
        ("7", "7", "6", "7 here, 6 there"),
        (None, "10", "9", "10 here, 9 there"),
        ("7", "10", "many", "7 to 10 here, many there"),
        ("7", "10", "", "7 to 10 here, none there"),
    ],
)
def test_anywhere_else_it_differs(before: str | None, now: str, found: str, said: str) -> None:
    there = {"s": found} if found else {}
    assert dumped(now, before).differences(restored(there)) == (f"sequence s: {said}",)


def test_where_they_stood_before_is_kept_with_the_dump_and_older_ones_have_none() -> None:
    told = dumped("10", "7").as_json()
    assert DatabaseSums.from_json(told) == dumped("10", "7")
    del told["sequences_before"]
    assert DatabaseSums.from_json(told) == dumped("10", None)


WHOLE = DatabaseSums(
    {"public.a": TableSum(1, "7"), "public.b": TableSum(2, "9")}, {"s": "7"}, TableSum(1, "5"), {"citext": "1.6"}, {"indexes": 4}
)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (replace(WHOLE, tables={"public.a": TableSum(1, "7")}), "table public.b is missing there"),
        (replace(WHOLE, tables={**WHOLE.tables, "public.c": TableSum(0)}), "table public.c is missing here"),
        (replace(WHOLE, tables={**WHOLE.tables, "public.b": TableSum(3, "9")}), "table public.b: 2 rows here, 3 there"),
        (
            replace(WHOLE, tables={**WHOLE.tables, "public.b": TableSum(2, "8")}),
            "table public.b: 2 rows on both sides, and not the same ones",
        ),
        (replace(WHOLE, large_objects=TableSum(0)), "large objects: 1 of them here, 0 there"),
        (
            replace(WHOLE, large_objects=TableSum(1, "6")),
            "large objects: 1 of them on both sides, and not the same ones",
        ),
        (replace(WHOLE, extensions={"citext": "1.5"}), "extension citext: 1.6 here, 1.5 there"),
        (replace(WHOLE, extensions={}), "extension citext: 1.6 here, none there"),
        (replace(WHOLE, objects={"indexes": 3}), "number of indexes: 4 here, 3 there"),
    ],
)
def test_each_thing_that_only_one_of_them_holds_is_told(there: DatabaseSums, said: str) -> None:
    assert WHOLE.differences(there) == (said,)
    assert there.differences(WHOLE)
    assert WHOLE.differences(WHOLE) == ()
