"""Whatever is written in the file: an inventory or mistakes with their places, never anything else."""

import functools
import json
import random
import re

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppsconsole.errors import InventoryError, Mistake
from ppsconsole.inventory import syntax
from ppsconsole.inventory.load import parse
from ppsconsole.inventory.model import Inventory
from ppsconsole.inventory.table import ROOT
from tests.bench.inventory import inventory_text
from tests.unit.inventory_texts import SAMPLE, SMALL

SECRET = "hunter2hunter2"

NASTY = (
    *(
        "null",
        "~",
        "[]",
        "{}",
        "[[]]",
        "{a: {}}",
        "? ",
        "- ",
        ": ",
        "'",
        '"',
        "\t",
        "&a ",
        "*a ",
        "!!int ",
        "!x ",
        "|\n",
        ">\n",
        "%YAML",
        "---\n",
    ),
    *(
        "...",
        "<<: ",
        "0x1F",
        "0o17",
        "1_000",
        "12:30:45",
        "-1",
        "1e400",
        ".nan",
        ".inf",
        "9" * 400,
        "2001-01-01",
        "yes",
        "true",
        "''",
        '""',
    ),
    *(
        '"\\e[31m"',
        '"\\x00"',
        '"\\u202e"',
        '"\\ud800"',
        '"\\UFFFFFFFF"',
        "\x07",
        "\u2028",
        "\ufeff",
        "é",
        "𝕏",
        "bas",
        "db1",
        "web1",
        "cluster",
    ),
    *(
        "{version: 2}",
        "merge",
        "sqlite",
        "azure-sql",
        "sqlserver-ag",
        "via: db1",
        "port: 99999",
        "password: " + SECRET,
        "x" * 2000,
    ),
)

quick = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outcome(data: bytes) -> Inventory | InventoryError:
    try:
        return parse(data, "inv.yaml")
    except InventoryError as error:
        return error


def judged(data: bytes) -> None:
    error = outcome(data)
    if isinstance(error, InventoryError):
        assert error.mistakes
        for mistake in error.mistakes:
            assert mistake.line >= 1
            assert mistake.column >= 1
            assert (
                mistake.line <= data.count(b"\n") + data.count(b"\r") + data.count(b"\xe2\x80\xa8") + data.count(b"\xc2\x85") + 2
            )
            assert mistake.what
            assert mistake.allowed
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", str(mistake))
            assert len(str(mistake)) < 1500
        places = [(mistake.line, mistake.column) for mistake in error.mistakes]
        assert places == sorted(places)
    else:
        assert isinstance(error, Inventory)


@quick
@given(st.sampled_from([SMALL, SAMPLE.read_text()]), st.randoms(use_true_random=False), st.integers(1, 8))
def test_a_damaged_inventory(text: str, chance: random.Random, times: int):
    lines = text.splitlines(keepends=True)
    for _ in range(times):
        at = chance.randrange(len(lines))
        line = lines[at]
        cut = chance.randrange(len(line) + 1)
        value = re.search(r": ", line)
        match chance.randrange(7):
            case 0:
                lines[at] = ""
            case 1:
                lines.insert(at, line)
            case 2:
                lines[at] = line[:cut] + chance.choice(NASTY) + line[cut:]
            case 3 if value:
                lines[at] = line[: value.end()] + chance.choice(NASTY) + "\n"
            case 4:
                lines[at] = line[:cut] + line[cut + 1 :]
            case 5:
                lines[at] = " " * chance.randrange(6) + line
            case _:
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
    judged("".join(lines).encode("utf-8", "surrogatepass"))


def places(tree, way=()):
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield (*way, key)
        yield from places(tree[key], (*way, key))


@pytest.mark.parametrize("value", [None, [], {}, [{}], {"x": {}}, "", "zzz", "other", -1, True, "DELETE"])
def test_every_place_of_the_sample_with_something_else_in_it(value):
    tree = yaml.safe_load(SAMPLE.read_text())
    for *way, last in places(tree):
        damaged = json.loads(json.dumps(tree))
        holder = functools.reduce(lambda held, key: held[key], way, damaged)
        if value == "DELETE":
            del holder[last]
        else:
            holder[last] = value
        judged(json.dumps(damaged).encode())


def keys(record):
    for each in record.fields.values():
        yield each.name
        for attribute in ("record", "item"):
            yield from keys(below) if hasattr(below := getattr(each.kind, attribute, None), "fields") else ()
        yield from keys(each.kind) if hasattr(each.kind, "fields") else ()


words = st.sampled_from(sorted({*keys(ROOT), "db1", "a", "Name"})) | st.text(max_size=5)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(("postgres", "db1", "a", "5s", "env:X"))
)
trees = st.recursive(leaves, lambda below: st.lists(below, max_size=3) | st.dictionaries(words, below, max_size=6), max_leaves=12)


@quick
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(ROOT.fields, trees)))
def test_any_tree_under_the_known_keys(tree):
    judged(yaml.safe_dump({**tree, "version": 1}, allow_unicode=True).encode("utf-8", "surrogatepass"))


@quick
@given(trees)
def test_any_yaml(tree):
    judged(yaml.safe_dump(tree).encode())


@quick
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(data):
    judged(data)


@quick
@given(st.text(alphabet="[]{}:,-?&*!|>'\"#% \n\tab1\\xU", max_size=60))
def test_both_parsers_give_a_tree_or_mistakes(text):
    for composing in (syntax.Composing, syntax.PurePython):
        told: tuple[Mistake, ...] = ()
        try:
            syntax.compose(text.encode(), "inv.yaml", composing)
        except InventoryError as error:
            told = error.mistakes
        assert all(mistake.line >= 1 and mistake.allowed for mistake in told)


@pytest.mark.parametrize("depth", [90, 110, 499, 510, 5000])
@pytest.mark.parametrize("composing", [syntax.Composing, syntax.PurePython])
@pytest.mark.parametrize("shape", ["[{}]", "['{}']"])
def test_any_depth_ends_in_words(depth, composing, shape):
    opening, closing = shape.split("{}")
    text = f"{opening * depth}{']' * depth if closing == ']' else ''}"
    with pytest.raises(InventoryError):
        parse(text.encode(), "inv.yaml")
    if depth > 502:
        with pytest.raises(InventoryError):
            syntax.compose(text.encode(), "inv.yaml", composing)


def plain_tree(node):
    if isinstance(node.value, str):
        return node.value, bool(node.style), node.start_mark.line, node.start_mark.column
    return [tuple(map(plain_tree, each)) if isinstance(each, tuple) else plain_tree(each) for each in node.value]


@pytest.mark.parametrize("text", [SMALL, SAMPLE.read_text()])
def test_both_parsers_build_the_same_tree(text):
    first, second = (syntax.compose(text.encode(), "inv.yaml", each) for each in (syntax.Composing, syntax.PurePython))
    assert plain_tree(first) == plain_tree(second)


def test_a_planted_secret_is_in_no_message():
    lines = SMALL.splitlines(keepends=True)
    for at in range(len(lines) + 1):
        for planted in (f"password: {SECRET}\n", f"  passphrase: {SECRET}\n", f"    account_password: {SECRET}\n"):
            with pytest.raises(InventoryError) as caught:
                parse("".join([*lines[:at], planted, *lines[at:]]).encode(), "inv.yaml")
            assert SECRET not in str(caught.value)


def test_the_benchmarks_inventory_is_valid():
    assert len(parse(inventory_text(50).encode(), "bench.yaml").hosts) == 50
