"""How old is the newest backup, and can the key be had that a restore needs?

A place on a host is asked over SSH with `find` and `stat` as GNU coreutils and BusyBox have them; one on the console's machine is
read directly. Both are bounded: a folder may hold years of files. A bundle (`cluster.bundles`) counts as one backup, and is as
old as its name says: that is when its data were read, whatever copied it since. What is hidden is no backup: it is being written,
was never finished, or was set aside.
"""

import asyncio
import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from ppsconsole.clock import Clock
from ppsconsole.cluster.bundles import ASIDE, MANIFEST, PART, bundle_name
from ppsconsole.cluster.facts import Fact, backup_subject
from ppsconsole.drivers import secrets
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import SecretError
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.limits import Polling
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.probes.base import Stamp, stamp, words_of
from ppsconsole.probes.host import Part

NAMES = ("backup", "backup_age_s", "backup_bytes", "backup_file", "backup_aside")
_DEPTH = 3
_MOST_FILES = 20_000
_MOST_ASIDE = 500
_LIMIT_S = 3
_CUT = "99999999999 0 too-many"  # sorts before every file: where not all were looked at nobody knows the newest one
_BUNDLE, _ASIDE = "@bundle", "@aside"
_KEY_EVERY_S = 600.0
"""A key may come from a program that asks a token, so it is not asked for with every look."""


def backup_part(backup: Backup, every_s: float) -> Part:
    """Return the question for the newest file below the folder of `backup`, the newest bundle, and what is set aside."""
    path = shlex.quote(backup.path)
    # Hidden files are what copying programs write to until they are done (rsync's `.name.Xy12`).
    find = (
        f"find . -maxdepth {_DEPTH} \\( -name '.?*' -o -type d -name 'pps-*Z-*' \\) -prune -o "
        "-type f -exec stat -c '%Y %s %n' {} +"
    )
    # Names of bundles sort by their time: the last one that is finished is the newest.
    newest = (
        f'n=; for d in pps-*Z-*/; do [ ! -r "${{d}}{MANIFEST}" ] || n=$d; done; '
        't=0; [ -z "$n" ] || { for s in $(stat -c %s -- "$n"*); do t=$((t+s)); done; '
        f'echo "{_BUNDLE} $t ${{n%/}}"; }}'
    )
    aside = f'for d in {PART}pps-*/ {ASIDE}pps-*/; do [ ! -d "$d" ] || echo "{_ASIDE} ${{d%/}}"; done | head -n {_MOST_ASIDE}'
    command = (
        f"date +%s; if [ ! -d {path} ]; then echo missing; elif [ ! -r {path} ]; then echo unreadable; "
        f"else (cd {path} || exit 0; {{ timeout {_LIMIT_S} {find}; [ $? -ne 124 ] || echo '{_CUT}'; }} | sort -rn | head -n 1; "
        f"{newest}; {aside}); fi"
    )
    return Part(f"backup.{backup.name}", backup_subject(backup.name), NAMES, command, every_s, parse_backup)


def parse_backup(result: CommandResult) -> dict[str, object]:
    """Return the facts by name from the host's time and what there is, one a line.

    Raises:
        ValueError: It is neither a file nor a word.
    """
    head, *rest = result.stdout.strip().splitlines()
    now, found = int(head), None
    bundles: list[tuple[str, int]] = []
    aside: list[str] = []
    for line in map(str.strip, rest):
        if line == _CUT:
            return {"backup": "too-many"}
        if line in ("missing", "unreadable"):
            return {"backup": line}
        if line.startswith(f"{_BUNDLE} "):
            _, count, name = line.split(" ", 2)
            bundles.append((name, int(count)))
        elif line.startswith(f"{_ASIDE} "):
            aside.append(line.split(" ", 1)[1])
        else:
            changed, size, name = line.split(" ", 2)
            found = (float(changed), int(size), name)
    return _newest(now, found, bundles, aside)


def _newest(
    now: float, file: tuple[float, int, str] | None, bundles: Iterable[tuple[str, int]], aside: Iterable[str]
) -> dict[str, object]:
    """Return the facts by name.

    Args:
        now: By the clock of the machine that it is on.
        file: When the newest one was changed, its size, its name; None where there is none.
        bundles: Name and size of finished ones.
        aside: Names of folders that are set aside, or were never finished.
    """
    known = [(found.at, size, name) for name, size in bundles if (found := bundle_name(name)) is not None]
    newest = max([*known, *([] if file is None else [file])], default=None)
    names = tuple(sorted(each for each in aside if bundle_name(each) is not None))
    told: dict[str, object] = {"backup_aside": names} if names else {}
    if newest is None:
        return {"backup": "empty", **told}
    at, count, name = newest
    return {
        "backup": "ok",
        # A file of the future has a clock behind it that cannot be trusted; it is not a fresher backup for that.
        "backup_age_s": max(0.0, float(round(now - at, 1))),
        "backup_bytes": count,
        "backup_file": plain(name.replace("\\", "/").rpartition("/")[2], 120),
        **told,
    }


class LocalBackupProbe:
    """Looks at a folder on the console's machine."""

    def __init__(self, inventory: Inventory, backup: Backup, clock: Clock) -> None:
        self._polling, self._backup, self._clock = inventory.polling, backup, clock

    @property
    def target(self) -> str:
        """What is waited for."""
        return self._backup.name

    @property
    def every_s(self) -> float:
        """Seconds between two looks."""
        return self._polling.slow_every_s

    async def read(self) -> tuple[Fact, ...]:
        """Look for the newest file."""
        values = await asyncio.to_thread(newest_file, self._backup.path, self._clock.now())
        made = _stamp(self._clock, self._backup.name, f"{self._backup.path} on this machine", self.every_s, self._polling)
        return tuple(made.fact(name, values.get(name)) for name in NAMES)


def newest_file(path: str, now: float) -> dict[str, object]:
    """Return the facts by name about what is below `path`, as `backup_part` asks a host for them."""
    root = Path(os.path.expanduser(path))
    newest: tuple[float, int, str] | None = None
    bundles: list[tuple[str, int]] = []
    aside: list[str] = []
    folders, count = [(root, 1)], 0
    while folders:
        if count > _MOST_FILES:
            return {"backup": "too-many"}
        folder, depth = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda each: each.name)
        except OSError as error:
            if folder == root:
                return {"backup": "missing" if isinstance(error, FileNotFoundError | NotADirectoryError) else "unreadable"}
            continue
        for entry in entries:
            count += 1
            try:
                bundle = bundle_name(entry.name) if depth == 1 and entry.is_dir(follow_symlinks=False) else None
                if bundle is not None and bundle.prefix:
                    aside.append(entry.name)
                elif bundle is not None:
                    if (folder / entry.name / MANIFEST).is_file():
                        bundles.append((entry.name, sum(each.stat().st_size for each in os.scandir(entry.path))))
                elif entry.name.startswith("."):
                    continue
                elif entry.is_dir(follow_symlinks=False) and depth < _DEPTH:
                    folders.append((Path(entry.path), depth + 1))
                elif entry.is_file(follow_symlinks=False):
                    about = entry.stat(follow_symlinks=False)
                    newest = max(newest or (0.0, 0, ""), (about.st_mtime, about.st_size, entry.name))
            except OSError:
                continue  # it went while we looked
    return _newest(now, newest, bundles, aside[:_MOST_ASIDE])


class BackupKeyProbe:
    """Tries whether the references to the encryption keys resolve: they are needed while everything is down."""

    def __init__(self, inventory: Inventory, clock: Clock) -> None:
        self._polling, self._clock = inventory.polling, clock
        self._backups = [each for each in inventory.backups.values() if each.encryption_key is not None]

    @property
    def target(self) -> str:
        """What is waited for."""
        return "backup-keys"

    @property
    def every_s(self) -> float:
        """Seconds between two looks."""
        return max(_KEY_EVERY_S, self._polling.slow_every_s)

    async def read(self) -> tuple[Fact, ...]:
        """Resolve each reference and throw what comes away."""
        found: dict[str, tuple[str, str]] = {}
        facts = []
        for backup in self._backups:
            assert backup.encryption_key is not None
            reference = str(backup.encryption_key)
            if reference not in found:
                try:
                    await secrets.resolve(backup.encryption_key)
                    found[reference] = "ok", ""
                except SecretError as error:
                    found[reference] = "no-secret", words_of(error)
            made = _stamp(self._clock, backup.name, reference, self.every_s, self._polling)
            facts.append(made.fact("backup_key", *found[reference]))
        return tuple(facts)


def _stamp(clock: Clock, backup: str, source: str, every_s: float, polling: Polling) -> Stamp:
    return stamp(clock, backup_subject(backup), source, every_s, polling.fresh_for, polling.timeout_s)


def backup_probes(inventory: Inventory, clock: Clock) -> tuple[LocalBackupProbe | BackupKeyProbe, ...]:
    """Return what looks at backups from the console's machine; places on hosts are asked with their hosts."""
    local = [LocalBackupProbe(inventory, each, clock) for each in inventory.backups.values() if each.host is None]
    has_keys = any(each.encryption_key is not None for each in inventory.backups.values())
    return (*local, *((BackupKeyProbe(inventory, clock),) if has_keys else ()))
