"""Inventories by seed: valid ones, and others grown from the table of all keys, damaged as people, editors and attackers do it.

`generated` gives a file and the secrets planted in it; `judged` says whether what the loader made of it keeps the promise.
"""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import yaml

from ppsconsole.errors import InventoryError
from ppsconsole.inventory.kinds import (
    Address,
    Choice,
    Flag,
    Kind,
    LocalFile,
    MemberAddress,
    Ref,
    Secret,
    Text,
    Url,
)
from ppsconsole.inventory.load import parse
from ppsconsole.inventory.measures import Measure, Whole
from ppsconsole.inventory.model import Inventory
from ppsconsole.inventory.shapes import REQUIRED, Field, Keyed, Listing, Named, Record
from ppsconsole.inventory.show import show
from ppsconsole.inventory.table import ROOT
from tests.bench.inventory import inventory_text
from tests.unit.deadlines import within
from tests.unit.inventory_texts import SAMPLE, SMALL

DEADLINE_S = 60
"""A file that keeps the loader busy for longer hangs it."""

HARMFUL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

NAMES = ("db1", "db2", "db3", "web1", "web2", "bas", "lb1", "ad", "a", "b", "nas", "alt1", "x-1", "y.z", "0")

TRICKS = (
    *("-rf", "--help", "-i", "../../etc/passwd", "/etc/passwd", "~root", ".", "..", "a/b", "a\\b", "con", "NUL", "CON", "host"),
    *(
        "$(id)",
        "`id`",
        "a;b",
        "a|b",
        "a&b",
        "a\nb",
        "a\tb",
        "'",
        '"',
        "*",
        "?",
        "[a]",
        "{a,b}",
        "~",
        "!x",
        "%s",
        "{0}",
        "#x",
        "\\",
    ),
    *(
        "db1\u200b",
        "\u202edb1",
        "dｂ1",
        "ԁb1",
        "db1\u0301",
        "DB1",
        "db１",
        "\ufeffdb1",
        "db1\xad",
        "\ud800",
        "𝕕𝕓𝟙",
        "\x1b[2J",
        "\x07",
    ),
    *(
        "[bold]db1[/bold]",
        "[@click=app.quit]x[/]",
        "[link=https://x]y[/link]",
        "x" * 64,
        "x" * 5000,
        "",
        " ",
        "null",
        "yes",
        "0x10",
    ),
    *("1e400", "nan", ".inf", "1_000", "12:30:45", "2001-01-01", "<<", "=", "true", "-1", "1.", "9" * 300, "0o17", "٣", "²"),
)

SECRETIVE_KEYS = ("password", "passwd", "account_password", "passphrase", "encryption_key_password", "token", "db_secret", "pwd")

Tree = Any


_VALID = (yaml.safe_load(SMALL), yaml.safe_load(SAMPLE.read_text()), yaml.safe_load(inventory_text(40)))


class Pairs(list[tuple[Any, Any]]):
    """A mapping as the file has it: keys may stand twice."""


def generated(seed: int) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes of inventory number `seed`, and the secrets in it that no message may repeat."""
    chance = random.Random(seed)
    growing = _Growing(chance)
    tree = growing.record(ROOT) if chance.random() < 0.5 else _pairs(chance.choice(_VALID))
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        _damaged(tree, growing)
    text = _written(tree, chance)
    for _ in range(chance.choice((0, 0, 0, 1, 1, 3))):
        text = chance.choice(_SCRATCHES)(text, growing)
    data = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.03:
        at = chance.randrange(len(data) + 1)
        data = data[:at] + chance.choice((b"\xff", b"\xc3", b"\x00", b"\xed\xa0\x80", b"\xf4\x90\x80\x80")) + data[at:]
    return data, tuple(each for each in growing.secrets if each.encode() in data)


def _pairs(tree: Tree) -> Tree:
    if isinstance(tree, dict):
        return Pairs((key, _pairs(value)) for key, value in tree.items())
    return [_pairs(each) for each in tree] if isinstance(tree, list) else tree


def judged(seed: int) -> int:
    """Load inventory number `seed` and hold what came of it to the promise; return how many mistakes it was refused with.

    Raises:
        AssertionError: It was not kept; says by what.
    """
    data, secrets = generated(seed)
    with within(DEADLINE_S):
        try:
            inventory = parse(data, "inv.yaml")
        except InventoryError as error:
            _judge_mistakes(error, data, secrets, seed)
            return len(error.mistakes)
        _judge_accepted(inventory, secrets, seed)
    return 0


def _judge_mistakes(error: InventoryError, data: bytes, secrets: tuple[str, ...], seed: int) -> None:
    lines = len(data.decode("utf-8", "replace").splitlines()) + 1
    assert error.mistakes, seed
    for each in error.mistakes:
        said = str(each)
        assert 1 <= each.line <= lines, (seed, said)
        assert each.column >= 1, (seed, said)
        assert each.what.strip(), seed
        assert each.allowed.strip(), (seed, said)
        assert not HARMFUL.search(said), (seed, said)
        assert len(said) < 1500, (seed, said)
    places = [(each.line, each.column) for each in error.mistakes]
    assert places == sorted(places), seed
    for secret in secrets:
        assert secret not in str(error), (seed, secret, str(error))
        assert secret not in repr(error.mistakes), (seed, secret)


def _judge_accepted(inventory: Inventory, secrets: tuple[str, ...], seed: int) -> None:
    assert isinstance(inventory, Inventory), seed
    shown = show(inventory)
    for secret in secrets:
        # What is planted makes a file wrong wherever it counts: it can only have come into a comment.
        assert secret not in shown, (seed, secret, shown)
        assert secret not in repr(inventory), (seed, secret)
    # Shown, it can be read again: what was accepted is what was understood. (`~` and other users' homes are expanded by then.)
    assert show(parse(shown.encode(), "inv.yaml")) == shown, seed


class _Growing:
    """Grows values without fault from the table; every name that is referred to is declared."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.secrets: list[str] = []
        self.is_deep = False
        self.declared = {
            section: chance.sample(NAMES, chance.randint(1, 4))
            for section in ("sites", "hosts", "instances", "web_nodes", "backups")
        }
        self.fullness = chance.choice((0.1, 0.5, 0.9))

    def secret(self) -> str:
        """A secret that stands nowhere else; some begin with what means something in YAML."""
        sign = self.chance.choice(
            ("", "", "", "!", "&", "*", "%", "@", "`", "|", ">", "?", "#", "{", "[", "'", '"', "\\", ":", "~", "- ")
        )
        core = f"Zx{self.chance.getrandbits(60):015x}Q"
        self.secrets.append(core)
        return sign + core

    def record(self, record: Record) -> Pairs:
        found = Pairs()
        for field in record.fields.values():
            if field.default is REQUIRED or self.chance.random() < self.fullness / 2:
                found.append((field.name, self.value(field)))
        return found

    def value(self, field: Field) -> Tree:
        return self.of_kind(field.kind)

    def of_kind(self, kind: Kind) -> Tree:
        for known, grow in _KINDS.items():
            if isinstance(kind, known):
                return grow(self, kind)
        raise AssertionError(f"no way to grow a {type(kind).__name__}: add one to _KINDS")

    def named(self, kind: Named) -> Pairs:
        names = self.declared.get(kind.section) or self.chance.sample(NAMES, self.chance.randint(0, 2))
        return Pairs((name, self.record(kind.record)) for name in names)

    def listing(self, kind: Listing) -> list[Tree]:
        return [self.of_kind(kind.item) for _ in range(self.chance.randint(0, 3))]

    def keyed(self, kind: Keyed) -> Pairs:
        return Pairs((self.of_kind(kind.keys), self.of_kind(kind.values)) for _ in range(self.chance.randint(0, 2)))

    def reference(self, kind: Ref) -> str:
        return self.chance.choice(self.declared[kind.section])

    def text(self, _: Kind) -> str:
        return self.chance.choice(
            ("postgres", "/srv/data", "host=db1 port=5432 user=x passfile=/etc/pass", "Über uns", "it's", "a b")
        )

    def address(self, _: Kind) -> str:
        return self.chance.choice(("10.0.0.1", f"10.0.{self.chance.randint(0, 255)}.7", "db1.example.org", "::1"))

    def url(self, _: Kind) -> str:
        return f"https://web{self.chance.randint(1, 99)}.example.org:10001"

    def secret_reference(self, _: Kind) -> str:
        return self.chance.choice(("env:PPS_PASSWORD", "file:secrets/pps", "keyring:pps/console", "command:pass show pps"))


_KINDS: dict[type[Kind], Callable[[_Growing, Any], Tree]] = {
    Choice: lambda growing, kind: growing.chance.choice(kind.words),
    MemberAddress: lambda growing, kind: f"10.0.1.{growing.chance.randint(1, 250)}:{growing.chance.randint(1, 65535)}",
    Address: _Growing.address,
    Url: _Growing.url,
    LocalFile: lambda growing, kind: growing.chance.choice(("keys/id", "/etc/ssl/ca.pem", "~/.ssh/known_hosts")),
    Text: _Growing.text,
    Ref: _Growing.reference,
    Flag: lambda growing, kind: growing.chance.choice((True, False)),
    Secret: _Growing.secret_reference,
    Whole: lambda growing, kind: growing.chance.choice((kind.least, kind.most, growing.chance.randint(kind.least, kind.most))),
    Measure: lambda growing, kind: growing.chance.choice((kind.least, 5, 3600)),
    Record: _Growing.record,
    Named: _Growing.named,
    Keyed: _Growing.keyed,
    Listing: _Growing.listing,
}


def _places(tree: Tree) -> list[tuple[Any, int]]:
    """Every place in the tree as its holder and its number there."""
    found, waiting = [], [tree]
    while waiting:
        holder = waiting.pop()
        for number, each in enumerate(holder):
            found.append((holder, number))
            below = each[1] if isinstance(holder, Pairs) else each
            if isinstance(below, list):
                waiting.append(below)
    return found


def _damaged(tree: Pairs, growing: _Growing) -> None:
    chance, places = growing.chance, _places(tree)
    if not places:
        return
    holder, number = chance.choice(places)
    key = holder[number][0] if isinstance(holder, Pairs) else None

    def put(value: Tree) -> None:
        holder[number] = value if key is None else (key, value)

    match chance.randrange(10):
        case 0:
            del holder[number]
        case 1:
            put(chance.choice(TRICKS))
        case 2 if key is not None:
            holder[number] = (chance.choice(TRICKS), holder[number][1])
        case 3 if key is not None:
            holder.insert(chance.randrange(len(holder) + 1), (key, chance.choice((None, "twice", holder[number][1]))))
        case 4:
            put(chance.choice((None, [], Pairs(), [[]], [Pairs()], Pairs([("a", "b")]), -1, 10**30, 1.5, True, [None])))
        case 5:
            put(
                chance.choice(("password={}", "https://u:{}@h.example", "Bearer {}", "user=x password='{}'")).format(
                    _bare(growing)
                )
            )
        case 6 if key is not None:
            holder.insert(number, (chance.choice(SECRETIVE_KEYS), Raw(growing.secret())))
        case 7:
            secretive = [(each, at) for each, at in places if isinstance(each, Pairs) and str(each[at][0]).endswith("assword")]
            if secretive:
                each, at = chance.choice(secretive)
                secret = growing.secret()
                planted: Tree = chance.choice(
                    (secret, Raw(secret), [secret], Pairs([(secret, "x")]), f"command:x token={_bare(growing)}")
                )
                each[at] = (each[at][0], planted)
        case 8:
            other, there = chance.choice(places)
            if other is not holder and isinstance(other, Pairs) == isinstance(holder, Pairs):
                holder[number] = (
                    other[there] if not isinstance(other[there][1] if key else other[there], list) else holder[number]
                )
        case _ if not growing.is_deep:
            growing.is_deep, deep = True, "x"
            for _ in range(chance.choice((3, 30, 110, 220))):
                deep = chance.choice(([deep], Pairs([("a", deep)])))
            put(deep)


def _bare(growing: _Growing) -> str:
    growing.secret()
    return growing.secrets[-1]


class Raw(str):
    """Text that goes into the file as it is, with whatever it means there."""


def _written(tree: Tree, chance: random.Random) -> str:
    style = chance.choice(("block", "block", "block", "flow", "json"))
    return _block(tree, 0, chance) if style == "block" else _flow(tree, chance if style == "flow" else None) + "\n"


def _block(tree: Tree, indent: int, chance: random.Random) -> str:
    lines = []
    for each in tree:
        key, value = each if isinstance(tree, Pairs) else (None, each)
        head = " " * indent + (f"{_scalar(key, chance)}:" if isinstance(tree, Pairs) else "-")
        if isinstance(value, list) and value and indent < 60 and chance.random() < 0.9:
            lines.append(f"{head}\n{_block(value, indent + 2, chance)}")
        else:
            lines.append(f"{head} {_flow(value, chance)}{chance.choice(('', '', '', '  # so it is'))}\n")
    return "".join(lines)


def _flow(tree: Tree, chance: random.Random | None) -> str:
    if isinstance(tree, Pairs):
        return "{" + ", ".join(f"{_scalar(key, chance)}: {_flow(value, chance)}" for key, value in tree) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(_flow(each, chance) for each in tree) + "]"
    return _scalar(tree, chance)


def _scalar(value: Any, chance: random.Random | None) -> str:
    if isinstance(value, Raw):
        return value
    if not isinstance(value, str):
        return json.dumps(value)
    if chance is None:
        return json.dumps(value)
    if re.fullmatch(r"[A-Za-z_/][A-Za-z0-9_./=-]*( [A-Za-z0-9_./=]+)*", value) and chance.random() < 0.8:
        return value
    if chance.random() < 0.3 and "\n" not in value:
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=chance.random() < 0.5)


def _inserted(what: Callable[[_Growing], str]) -> Callable[[str, _Growing], str]:
    def insert(text: str, growing: _Growing) -> str:
        at = growing.chance.randrange(len(text) + 1)
        return text[:at] + what(growing) + text[at:]

    return insert


def _line_put(what: Callable[[_Growing], str]) -> Callable[[str, _Growing], str]:
    def put(text: str, growing: _Growing) -> str:
        lines = text.splitlines(keepends=True)
        at = growing.chance.randrange(len(lines) + 1)
        before = lines[at - 1] if at else ""
        indent = before[: len(before) - len(before.lstrip(" "))]
        return "".join([*lines[:at], indent + what(growing) + "\n", *lines[at:]])

    return put


def _bomb(growing: _Growing) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{each}: &a{each} [{', '.join([f'*a{each - 1}'] * 9)}]" for each in range(1, growing.chance.choice((3, 9, 40)))]
    return "\n".join(lines)


def _deep(growing: _Growing) -> str:
    opening, many = growing.chance.choice(("[", "{a: ", "- ", "? ", "{? ", "[{")), growing.chance.choice((99, 101, 501, 20_000))
    return opening * many


def _long(growing: _Growing) -> str:
    return growing.chance.choice(("x", "é", "#", " ", "'", "a: b, ", "\U0001f600")) * growing.chance.choice((2_000, 200_000))


def _cut(text: str, growing: _Growing) -> str:
    return text[: growing.chance.randrange(len(text) + 1)]


_SCRATCHES: tuple[Callable[[str, _Growing], str], ...] = (
    _inserted(lambda growing: growing.chance.choice(TRICKS)),
    _inserted(lambda growing: growing.chance.choice("[]{}:,-?&*!|>'\"#% \n\t\\\r\x85\u2028\ufeff\x00\x1b")),
    _inserted(
        lambda growing: growing.chance.choice(
            ("<<: *a", "&a ", "*a", "!!python/object/apply:os.system [id]", "---\n", "%YAML 9\n")
        )
    ),
    _line_put(lambda growing: f"{growing.chance.choice(SECRETIVE_KEYS)}: {growing.secret()}"),
    _line_put(lambda growing: f"{growing.chance.choice(SECRETIVE_KEYS)}:\n        {growing.secret()}"),
    _line_put(lambda growing: f"# {growing.chance.choice(SECRETIVE_KEYS)}: {_bare(growing)}"),
    _line_put(_bomb),
    _line_put(_deep),
    _line_put(_long),
    _inserted(_deep),
    _inserted(_long),
    _cut,
    lambda text, growing: text.replace("\n", growing.chance.choice(("\r\n", "\r", "\n\n"))),
    lambda text, growing: "\ufeff" + text,
    lambda text, growing: text + text,
)
"""What happens to a file as text."""
