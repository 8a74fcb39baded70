"""How kinds are put together: records with fields, mappings of named records, lists."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ppsconsole.inventory.kinds import ABSENT, NAME, Kind, scalar_text
from ppsconsole.inventory.reading import Reading, quoted

REQUIRED: Final[Any] = type("Required", (), {"__repr__": lambda self: "REQUIRED"})()

RESERVED: Final = frozenset(("cluster", "console", "host"))
"""Words that events and vantage points use beside the names of nodes."""

_NAME = re.compile(NAME).fullmatch


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One key of a record.

    Attributes:
        about: What it means, for messages and for the JSON schema.
        default: What it is when it is left out; `REQUIRED`, or taken from the model when it is left `ABSENT`.
        early: Called with the value before the other fields are decoded, to note what they inherit.
    """

    name: str
    kind: Kind
    about: str
    default: Any = ABSENT
    early: Callable[[Any, Reading], None] | None = None


class Record(Kind):
    """A mapping with known keys, decoded into a dataclass of the model.

    Attributes:
        title: What one is called in messages: `host`.
        fields: By key, in the order of the model.
    """

    def __init__(
        self,
        title: str,
        model: type[Any],
        fields: Sequence[Field],
        *,
        about: str = "",
        inherits: Sequence[str] = (),
        over: str | None = None,
    ) -> None:
        """Make a record.

        Args:
            title: What one is called.
            model: The dataclass; has a `name` of its own when the record stands in a `Named`.
            fields: One for each key.
            about: What it is, for the schema.
            inherits: Fields that take `Reading.inherited` when they are left out.
            over: Take all that is left out from this entry of `Reading.inherited`, which is of the same class.
        """
        self.title = title
        self.about = about
        self.model = model
        self.expected = f"a mapping with the keys {', '.join(each.name for each in fields)}"
        defaults = {each.name: _default(each) for each in dataclasses.fields(model)}
        self.fields = {
            each.name: dataclasses.replace(each, default=defaults.get(each.name, REQUIRED)) if each.default is ABSENT else each
            for each in fields
        }
        self.inherits = tuple(inherits)
        self.required = tuple(each.name for each in self.fields.values() if each.default is REQUIRED)
        self._over = over
        self._decoders = {each.name: each.kind.decode for each in fields}
        self._early = {each.name: each.early for each in fields if each.early is not None}

    @property
    def definition(self) -> str:
        """The name of its definition in the JSON schema."""
        return self.title.replace(" ", "-")

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the record; fields that were refused are None in it."""
        values = self.values(node, reading)
        return self.made(values, reading) if isinstance(values, dict) else values

    def decode_named(self, name: str, node: Node, reading: Reading) -> Any:
        """Return the record called `name`; None when it is not even a mapping."""
        values = self.values(node, reading)
        if values is ABSENT:
            allowed = (
                f"expected {self.expected}; write {{}} for none of them" if not self.required else f"expected {self.expected}"
            )
            reading.refuse(node, "nothing stands behind the name", allowed)
        if not isinstance(values, dict):
            return None
        return self.made(values, reading, name=name)

    def made(self, values: dict[str, Any], reading: Reading, **more: Any) -> Any:
        """Return the dataclass for decoded values; what is required and missing becomes blank, its mistake is noted already."""
        if self._over is not None:
            return dataclasses.replace(reading.inherited[self._over], **values)
        for name in self.inherits:
            if name not in values:
                values[name] = reading.inherited[name]
        for name in self.required:
            if name not in values:
                values[name] = self.fields[name].kind.blank
        return self.model(**values, **more)

    def values(self, node: Node, reading: Reading) -> Any:
        """Return the decoded values by key; None when the node is no mapping, `ABSENT` when it is null."""
        if node.__class__ is not MappingNode:
            text = scalar_text(node, reading, self.expected) if isinstance(node, ScalarNode) else None
            if text is not ABSENT:
                reading.refuse_type(node, self.expected)
                return None
            return ABSENT
        pairs = node.value
        if self._early:
            pairs = sorted(pairs, key=lambda pair: pair[0].value not in self._early if isinstance(pair[0], ScalarNode) else True)
        values: dict[str, Any] = {}
        has_absent = False
        decoders = self._decoders
        for key, value in pairs:
            name = key.value
            if key.__class__ is not ScalarNode or name not in decoders:
                self._refuse_key(key, reading)
            elif name in values:
                reading.refuse_second(key, node)
                decoders[name](value, reading)
            else:
                values[name] = decoded = decoders[name](value, reading)
                if decoded is ABSENT:
                    has_absent = True
                elif name in self._early and decoded is not None:
                    self._early[name](decoded, reading)
        if has_absent:
            values = {name: value for name, value in values.items() if value is not ABSENT}
        for name in self.required:
            if name not in values:
                reading.refuse_missing(node, name, self.fields[name].about)
        return values

    def _refuse_key(self, key: Node, reading: Reading) -> None:
        if not isinstance(key, ScalarNode):
            reading.refuse(key, "a key has to be a word", reading.choices("", self.fields))
            return
        reading.refuse(key, f"unknown key {quoted(key.value)}", reading.choices(key.value, self.fields))

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema, with the description and default of every field."""
        properties = {}
        for each in self.fields.values():
            properties[each.name] = {**_nullable(each.kind.schema(), each), "description": each.about}
            if each.default is not REQUIRED and each.default is not None and each.name not in self.inherits:
                properties[each.name]["default"] = each.kind.shown(each.default)
        schema: dict[str, Any] = {"type": "object"}
        if self.about:
            schema["description"] = self.about
        schema["properties"] = properties
        if self.required:
            schema["required"] = list(self.required)
        schema["additionalProperties"] = False
        return schema

    def shown(self, value: Any) -> Any:
        """Return the record as a mapping with every field, in the order of the table."""
        shown = {}
        for name, each in self.fields.items():
            held = getattr(value, name)
            shown[name] = None if held is None else each.kind.shown(held)
        return shown


class Named(Kind):
    """A mapping from names to records.

    Attributes:
        section: Under which other places refer to these names.
    """

    def __init__(self, section: str, record: Record, *, is_required: bool = False, are_nodes: bool = False) -> None:
        self.section = section
        self.record = record
        self.is_required = is_required
        self.are_nodes = are_nodes
        self.expected = f"a mapping from names to {record.title}s"
        self.blank: dict[str, Any] = {}

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the records by name, those left out that are no mappings."""
        if node.__class__ is not MappingNode:
            text = scalar_text(node, reading, self.expected)
            if text is not None and text is not ABSENT:
                reading.refuse_type(node, self.expected)
            return ABSENT if text is ABSENT else self.blank
        names: dict[str, Node] = {}
        records: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value
            if key.__class__ is not ScalarNode or not _NAME(name) or (self.are_nodes and name in RESERVED):
                self._refuse_name(key, reading)
                if key.__class__ is ScalarNode:
                    # Known all the same, so that what refers to it is not called dangling as well.
                    names.setdefault(name, key)
                self.record.values(value, reading)
                continue
            record = self.record.decode_named(name, value, reading)
            if name in names:
                reading.refuse_second(key, node)
                continue
            names[name] = key
            if record is not None:
                records[name] = record
        reading.names[self.section] = names
        if self.is_required and not node.value:
            reading.refuse(node, "an empty mapping", f"at least one {self.record.title} is needed")
        return records

    def _refuse_name(self, key: Node, reading: Reading) -> None:
        allowed = "a name has up to 63 small letters, digits, dots, dashes or underscores, and starts with a letter or a digit"
        if isinstance(key, ScalarNode) and key.value in RESERVED:
            allowed = f"{', '.join(sorted(RESERVED))} mean something else in events; choose another name"
        found = quoted(key.value) if isinstance(key, ScalarNode) else "a mapping or a list"
        reading.refuse(key, f"{found} cannot be a name", allowed)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        schema: dict[str, Any] = {"type": "object", "propertyNames": {"pattern": f"^{NAME}$"}}
        schema["additionalProperties"] = {"$ref": f"#/$defs/{self.record.definition}"}
        if self.is_required:
            schema["minProperties"] = 1
        return schema

    def shown(self, value: Any) -> Any:
        """Return the records by name."""
        return {name: self.record.shown(each) for name, each in value.items()}


class Keyed(Kind):
    """A mapping from texts of one kind to values of another."""

    def __init__(self, keys: Kind, values: Kind) -> None:
        self.keys = keys
        self.values = values
        self.expected = f"a mapping from {keys.expected} to {values.expected}"
        self.blank: dict[str, Any] = {}

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the mapping, refused entries left out."""
        if not isinstance(node, MappingNode):
            text = scalar_text(node, reading, self.expected)
            if text is not ABSENT and text is not None:
                reading.refuse_type(node, self.expected)
            return ABSENT if text is ABSENT else self.blank
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = self.keys.decode(key, reading)
            decoded = self.values.decode(value, reading)
            if name is ABSENT or decoded is ABSENT:
                reading.refuse(key, "an empty entry", f"expected {self.expected}")
            elif name in found:
                reading.refuse_second(key, node)
            elif name is not None:
                found[name] = decoded
        return found

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        return {"type": "object", "additionalProperties": self.values.schema()}

    def shown(self, value: Any) -> Any:
        """Return a plain mapping."""
        return {self.keys.shown(key): self.values.shown(each) for key, each in value.items()}


class Listing(Kind):
    """A list, kept as a tuple."""

    blank = ()

    def __init__(self, item: Kind, *, may_be_one: bool = False) -> None:
        self.item = item
        self.may_be_one = may_be_one
        self.expected = f"a list, each entry {item.expected}" + (", or one alone" if may_be_one else "")

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the values, refused ones left out."""
        if node.__class__ is SequenceNode:
            found = []
            for each in node.value:
                value = self.item.decode(each, reading)
                if value is ABSENT:
                    reading.refuse(each, "an empty entry", f"expected {self.item.expected}")
                elif value is not None:
                    found.append(value)
            return tuple(found)
        if isinstance(node, ScalarNode):
            text = scalar_text(node, reading, self.expected)
            if text is ABSENT:
                return ABSENT
            if self.may_be_one:
                one = self.item.decode(node, reading)
                return self.blank if one is None else (one,)
        reading.refuse_type(node, self.expected)
        return self.blank

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        many: dict[str, Any] = {"type": "array", "items": self.item.schema()}
        return {"anyOf": [self.item.schema(), many]} if self.may_be_one else many

    def shown(self, value: Any) -> Any:
        """Return a plain list."""
        return [self.item.shown(each) for each in value]


def _default(each: "dataclasses.Field[Any]") -> Any:
    if each.default is not dataclasses.MISSING:
        return each.default
    return REQUIRED if each.default_factory is dataclasses.MISSING else each.default_factory()


def _nullable(schema: dict[str, Any], each: Field) -> dict[str, Any]:
    """Let what may be left out also be null, as the loader does."""
    if each.default is REQUIRED:
        return schema
    options = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
    return {"anyOf": [*options, {"type": "null"}]}
