"""Slotted dataclasses whose methods are written when they are first called.

The decorator of the standard library writes and compiles six methods for each class while its module is loaded: half a
millisecond a class, and with some eighty of them a tenth of the time to the console's first frame, for methods of which a session
calls few. Here a class gets methods that serve all classes, and its own `__init__` once one of it is made. All else is the
standard library's: `fields`, `replace`, `asdict`, `field`, and for type checkers the decorator too.

For modules that a start loads; elsewhere the standard decorator does as well.
"""

import dataclasses
from collections.abc import Callable, Iterable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, slots: bool, frozen: bool = False, repr: bool = True) -> Callable[[type], type]:
        """Return a decorator that makes a slotted dataclass.

        Args:
            slots: Has to be true, as in the standard decorator's arguments.
            frozen: Whether nothing of it can be changed; then it can be hashed.
            repr: Whether to give it a `__repr__` that shows all fields.
        """
        assert slots
        return lambda plain: _made(plain, is_frozen=frozen, has_repr=repr)


_MADE_EACH_TIME = object()
"""Stands for the default of a field that has a factory."""


def _made(plain: type, *, is_frozen: bool, has_repr: bool) -> type:
    own = set(vars(plain))
    if not plain.__doc__:
        plain.__doc__ = plain.__name__  # the standard library would look for a signature
    made: type = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(plain)
    fields = dataclasses.fields(made)
    assert all(each.init for each in fields), "every field is given to `__init__`"
    compared = _values_of(each.name for each in fields if each.compare)
    hashed = _values_of(each.name for each in fields if (each.compare if each.hash is None else each.hash))
    methods: dict[str, Callable[..., Any] | None] = {"__init__": _first_init(made)}
    if is_frozen:
        methods |= _frozen(each.name for each in fields)
    if has_repr:
        methods["__repr__"] = _said
    if "__eq__" not in own:
        methods["__eq__"] = _equality(compared)
        methods["__hash__"] = _hash(hashed) if is_frozen else None
    for name, method in methods.items():
        if name not in own:
            setattr(made, name, method)
    return made


def _values_of(names: Iterable[str]) -> Callable[[Any], Any]:
    """Return what takes the values of these fields out of an object, as a tuple."""
    wanted = tuple(names)
    if len(wanted) > 1:
        return attrgetter(*wanted)  # several times as fast as anything written in Python
    return lambda one: tuple(getattr(one, name) for name in wanted)


def _equality(values: Callable[[Any], Any]) -> Callable[[Any, object], Any]:
    def equals(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return equals


def _hash(values: Callable[[Any], Any]) -> Callable[[Any], int]:
    return lambda self: hash(values(self))


@recursive_repr()
def _said(self: Any) -> str:
    said = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({said})"


def _refuse_to_set(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _frozen(names: Iterable[str]) -> dict[str, Callable[..., Any]]:
    """Return what keeps it from being changed, and what lets it be copied and kept all the same."""
    wanted = tuple(names)
    values, put = _values_of(wanted), object.__setattr__

    def restore(self: Any, state: tuple[Any, ...]) -> None:
        for name, value in zip(wanted, state, strict=True):
            put(self, name, value)

    return {
        "__setattr__": _refuse_to_set,
        "__delattr__": _refuse_to_delete,
        "__getstate__": lambda self: values(self),
        "__setstate__": restore,
    }


def _first_init(made: Any) -> Callable[..., None]:
    """Return an `__init__` that puts the real one in its own place when it is called."""

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        made.__init__ = _written_init(made)
        made.__init__(self, *args, **kwargs)

    return first


def _written_init(made: Any) -> Callable[..., None]:
    """Return the `__init__` that the standard library would have written."""
    names: dict[str, Any] = {"_set": object.__setattr__, "_made_each_time": _MADE_EACH_TIME}
    plain: list[str] = []
    named: list[str] = []
    body: list[str] = []
    for each in dataclasses.fields(made):
        parameter = value = each.name
        if each.default is not dataclasses.MISSING:
            names[f"_default_{each.name}"] = each.default
            parameter = f"{each.name}=_default_{each.name}"
        elif each.default_factory is not dataclasses.MISSING:
            names[f"_make_{each.name}"] = each.default_factory
            parameter = f"{each.name}=_made_each_time"
            value = f"_make_{each.name}() if {each.name} is _made_each_time else {each.name}"
        (named if each.kw_only else plain).append(parameter)
        body.append(f"_set(self, {each.name!r}, {value})")
    if hasattr(made, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join(("self", *plain, *(("*", *named) if named else ())))
    written = "".join(f"\n    {line}" for line in body or ["pass"])
    exec(f"def __init__({parameters}):{written}", names)
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{made.__qualname__}.__init__"
    return init
