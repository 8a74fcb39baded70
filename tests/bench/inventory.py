"""Loading and validating 1,000 hosts against what the YAML parser alone takes, in one run.

`python -m tests.bench inventory [--rounds N] [--hosts N] [--limit RATIO]`; exit 1 when the median ratio passes the limit.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import yaml

from ppsconsole.inventory.load import parse

LIMIT = 1.25

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
    options = parser.parse_args(argv)
    text = inventory_text(options.hosts)
    data = text.encode()
    base: list[float] = []
    ours: list[float] = []
    for number in range(options.rounds + 1):
        alone = _seconds(lambda: yaml.load(text, yaml.CSafeLoader))
        whole = _seconds(lambda: parse(data, "bench.yaml"))
        if number:  # the first round warms up
            base.append(alone)
            ours.append(whole)
    ratios = [whole / alone for whole, alone in zip(ours, base, strict=True)]
    print(f"{options.hosts} hosts, {len(data)} bytes, {text.count(chr(10))} lines, {options.rounds} rounds")
    for name, values in (("CSafeLoader", base), ("load and validate", ours)):
        low, middle, high = (1000 * each for each in (min(values), statistics.median(values), max(values)))
        print(f"{name:18} {middle:7.1f} ms [{low:.1f}-{high:.1f}]")
    ratio = statistics.median(ratios)
    print(f"{'ratio':18} {ratio:7.2f}    [{min(ratios):.2f}-{max(ratios):.2f}], limit {options.limit:g}")
    return 0 if ratio <= options.limit else 1
