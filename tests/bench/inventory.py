"""Loading and validating 1,000 hosts against what the YAML parser alone takes, in one run; and a second start with the same file.

`python -m tests.bench inventory [--rounds N] [--hosts N] [--limit RATIO] [--kept-limit RATIO]`; exit 1 when a median ratio passes
its limit.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from ppsconsole.inventory.beside import begin
from ppsconsole.inventory.load import parse

LIMIT = 1.25
KEPT_LIMIT = 0.15
"""Of what `ppsconsole.inventory.kept` has kept: reading the file, comparing all of it, and making the values."""

_HEAD = """\
version: 1
cluster: {name: bench, address: "https://passwords.example.org"}
ssh: {user: ops, known_hosts: known_hosts}
sites:
  a: {title: Site A}
  b: {title: Site B}
"""

_HOST = """\
  host{number}:
    site: {site}
    address: 10.{high}.{middle}.{low}
    platform: linux
    hostname: host{number}.example.org
    via:
      - {bastion}
    ssh:
      user: operator
      port: 22
      key: keys/id_ed25519
      certificate: keys/id_ed25519-cert.pub
      known_hosts: known_hosts
      connect_timeout_s: 5s
    disks:
      - /
      - /var
      - /srv/data
"""

_TAIL = """\
web_nodes:
  web1: {host: host0, url: "https://host0.example.org:10001", service: {kind: systemd, name: pps}, database: db1}
database:
  kind: postgres
  database: pps
  user: console
  password: env:PPS_DATABASE_PASSWORD
  instances:
    db1: {host: host1, declared: primary, data_directory: /srv/pg}
    db2: {host: host2, data_directory: /srv/pg}
"""


def inventory_text(hosts: int) -> str:
    """Return an inventory with that many hosts behind two bastions."""
    parts = [_HEAD, "hosts:\n"]
    for site in "ab":
        parts.append(f"  bastion-{site}: {{site: {site}, address: bastion-{site}.example.org}}\n")
    for number in range(hosts - 2):
        site = "ab"[number % 2]
        high, middle, low = number // 62500, number // 250 % 250, number % 250 + 1
        parts.append(_HOST.format(number=number, site=site, high=high, middle=middle, low=low, bastion=f"bastion-{site}"))
    return "".join([*parts, _TAIL])


def _seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def run(argv: Sequence[str]) -> int:
    """Measure in interleaved rounds, print medians with their spread, and return 1 when the limit is passed."""
    parser = argparse.ArgumentParser(prog="inventory", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--limit", type=float, default=LIMIT)
    parser.add_argument("--kept-limit", type=float, default=KEPT_LIMIT)
    options = parser.parse_args(argv)
    text = inventory_text(options.hosts)
    data = text.encode()
    base: list[float] = []
    ours: list[float] = []
    kept: list[float] = []
    with tempfile.TemporaryDirectory(prefix="ppsconsole-inventory-") as folder:
        os.environ["XDG_STATE_HOME"] = folder
        path = Path(folder) / "inventory.yaml"
        path.write_bytes(data)
        wanted = begin(str(path))()
        assert begin(str(path))() == wanted
        assert list(Path(folder).glob("ppsconsole/kept/*.values")), "nothing is kept: a second start would read all again"
        for number in range(options.rounds + 1):
            alone = _seconds(lambda: yaml.load(text, yaml.CSafeLoader))
            whole = _seconds(lambda: parse(data, "bench.yaml"))
            again = _seconds(lambda: begin(str(path))())
            if number:  # the first round warms up
                base.append(alone)
                ours.append(whole)
                kept.append(again)
    print(f"{options.hosts} hosts, {len(data)} bytes, {text.count(chr(10))} lines, {options.rounds} rounds")
    for name, values in (("CSafeLoader", base), ("load and validate", ours), ("kept", kept)):
        low, middle, high = (1000 * each for each in (min(values), statistics.median(values), max(values)))
        print(f"{name:18} {middle:7.1f} ms [{low:.1f}-{high:.1f}]")
    is_within = True
    for name, values, limit in (("ratio", ours, options.limit), ("ratio, kept", kept, options.kept_limit)):
        ratios = [each / alone for each, alone in zip(values, base, strict=True)]
        ratio = statistics.median(ratios)
        print(f"{name:18} {ratio:7.3f}    [{min(ratios):.3f}-{max(ratios):.3f}], limit {limit:g}")
        is_within &= ratio <= limit
    return 0 if is_within else 1
