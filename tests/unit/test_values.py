"""Our dataclasses beside those of the standard library: the same but for when their methods are written."""

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
from typing import Any

import pytest

import ppsconsole
from ppsconsole import values
from ppsconsole.cluster.picture import Event, History
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.inventory.model import SshAccess
from ppsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class Ours:
    """One with all that is used."""

    name: str
    count: int = 3
    tags: tuple[str, ...] = ()
    notes: dict[str, str] = dataclasses.field(default_factory=dict)
    remark: str = dataclasses.field(default="", compare=False, repr=False)
    only_named: float = dataclasses.field(default=0.5, kw_only=True)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count")


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    """The same."""

    name: str
    count: int = 3
    tags: tuple[str, ...] = ()
    notes: dict[str, str] = dataclasses.field(default_factory=dict)
    remark: str = dataclasses.field(default="", compare=False, repr=False)
    only_named: float = dataclasses.field(default=0.5, kw_only=True)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count")


@dataclass(frozen=True, slots=True)
class Below(Ours):
    """One that adds a field."""

    more: int = 1


@dataclass(frozen=True, slots=True)
class Nothing:
    """One without fields."""


@dataclass(frozen=True, slots=True)
class Single:
    """One with a single field."""

    only: float


@dataclass(slots=True)
class Changing:
    """One that is no value."""

    name: str
    rows: list[str] = dataclasses.field(default_factory=list)


def test_one_that_is_not_frozen_can_be_changed_and_not_be_hashed() -> None:
    one = Changing("a")
    one.name = "b"
    one.rows.append("x")
    assert one == Changing("b", ["x"]) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert repr(one) == "Changing(name='b', rows=['x'])"
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
    with pytest.raises(AttributeError):
        one.other = 1  # type: ignore[attr-defined]


def test_it_is_made_and_said_as_the_standard_one_is() -> None:
    for arguments, named in ((("a",), {}), (("a", 4, ("x",)), {"only_named": 2.0}), ((), {"name": "a", "notes": {"k": "v"}})):
        ours, theirs = Ours(*arguments, **named), Theirs(*arguments, **named)  # type: ignore[arg-type]
        assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
        assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
        assert dataclasses.astuple(ours) == dataclasses.astuple(theirs)
    assert inspect.signature(Ours.__init__).parameters.keys() == inspect.signature(Theirs.__init__).parameters.keys()
    assert Ours("a").notes is not Ours("a").notes
    assert Ours.__match_args__ == Theirs.__match_args__  # type: ignore[attr-defined]
    assert not hasattr(Ours("a"), "__dict__")


@pytest.mark.parametrize(
    "arguments", [(), ("a", 1, (), {}, "", 0.5), ("a", "a")], ids=["too few", "too many", "wrong by its own rule"]
)
def test_it_refuses_what_the_standard_one_refuses(arguments: tuple[Any, ...]) -> None:
    for kind in (Ours, Theirs):
        with pytest.raises(TypeError):
            kind(*arguments)
    for kind in (Ours, Theirs):
        with pytest.raises(ValueError, match="count"):
            kind("a", -1)
        with pytest.raises(TypeError, match="unexpected"):
            kind("a", other=1)  # type: ignore[call-arg]


def test_it_is_equal_by_its_values_and_its_class() -> None:
    assert Ours("a", remark="x") == Ours("a", remark="y")
    assert Ours("a") != Ours("b")
    assert Ours("a") != Theirs("a")
    assert Below("a") != Ours("a")
    assert Below("a", more=2) == Below("a", more=2) != Below("a", more=3)
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(Nothing())
    assert hash(Single(1.0)) == hash(Single(1.0))
    nan = float("nan")
    assert Single(nan) == Single(nan)  # the same object, as in a tuple
    assert {Event(1.0, "a", Verdict.OK, "w"): 1}[Event(1.0, "a", Verdict.OK, "w")] == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(Ours("a"))  # it has a dict in it


def test_nothing_of_it_can_be_changed() -> None:
    for one in (Ours("a"), Theirs("a"), Below("a")):
        with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'name'"):
            one.name = "b"  # type: ignore[misc]
        with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'name'"):
            del one.name
    with pytest.raises(AttributeError):
        Ours("a").other = "b"  # type: ignore[attr-defined]
    assert dataclasses.replace(Ours("a", 5), name="b") == Ours("b", 5)
    assert dataclasses.replace(Below("a"), more=4) == Below("a", more=4)


def test_it_is_copied_and_kept() -> None:
    for one in (Ours("a", 4, ("x",), {"k": "v"}, "r", only_named=1.0), Below("a", more=7), Nothing(), SshAccess(), History()):
        assert copy.copy(one) == one
        assert copy.deepcopy(one) == one
        again = pickle.loads(pickle.dumps(one))
        assert again == one
        assert dataclasses.astuple(again) == dataclasses.astuple(one)


def test_it_is_matched_by_position() -> None:
    match Ours("a", 9):
        case Ours(name, count):
            assert (name, count) == ("a", 9)


def test_every_one_of_ours_can_be_written() -> None:
    found = 0
    for module in pkgutil.walk_packages(ppsconsole.__path__, "ppsconsole."):
        if module.name.endswith("__main__") or ".lab" in module.name:
            continue
        for one in vars(importlib.import_module(module.name)).values():
            if isinstance(one, type) and one.__module__ == module.name and vars(one).get("__setattr__") is values._refuse_to_set:
                found += 1
                written = inspect.signature(values._written_init(one)).parameters
                assert [*written][1:] == sorted((each.name for each in dataclasses.fields(one)), key=[*written].index)
                assert one.__doc__
    assert found > 50
