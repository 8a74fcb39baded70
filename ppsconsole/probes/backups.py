"""How old is the newest backup, and can the key be had that a restore needs?

A place on a host is asked over SSH with `find` and `stat` as GNU coreutils and BusyBox have them; one on the console's machine is
read directly. Both are bounded: a folder may hold years of files.
"""

import asyncio
import os
import shlex
from pathlib import Path

from ppsconsole.clock import Clock
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

NAMES = ("backup", "backup_age_s", "backup_bytes", "backup_file")
_DEPTH = 3
_MOST_FILES = 20_000
_LIMIT_S = 3
_CUT = "99999999999 0 too-many"  # sorts before every file: where not all were looked at nobody knows the newest one
_KEY_EVERY_S = 600.0
"""A key may come from a program that asks a token, so it is not asked for with every look."""


def backup_part(backup: Backup, every_s: float) -> Part:
    """Return the question for the newest file below the folder of `backup`."""
    path = shlex.quote(backup.path)
    # Hidden files are what copying programs write to until they are done (rsync's `.name.Xy12`).
    find = f"find {path} -maxdepth {_DEPTH} -type f ! -name '.*' -exec stat -c '%Y %s %n' {{}} +"
    command = (
        f"date +%s; if [ ! -d {path} ]; then echo missing; elif [ ! -r {path} ]; then echo unreadable; "
        f"else {{ timeout {_LIMIT_S} {find}; [ $? -ne 124 ] || echo '{_CUT}'; }} | sort -rn | head -n 1; fi"
    )
    return Part(f"backup.{backup.name}", backup_subject(backup.name), NAMES, command, every_s, parse_backup)


def parse_backup(result: CommandResult) -> dict[str, object]:
    """Return the facts by name from the host's time and the newest file's line, if there is one.

    Raises:
        ValueError: It is neither a file nor a word.
    """
    head, *rest = result.stdout.strip().splitlines()
    now, said = int(head), rest[0].strip() if rest else "empty"
    if said == _CUT:
        return {"backup": "too-many"}
    if said in ("missing", "unreadable", "empty"):
        return {"backup": said}
    changed, count, name = said.split(" ", 2)
    return _newest(now - int(changed), int(count), name)


def _newest(age_s: float, count: int, name: str) -> dict[str, object]:
    # A file of the future has a clock behind it that cannot be trusted; it is not a fresher backup for that.
    return {
        "backup": "ok",
        "backup_age_s": max(0.0, float(age_s)),
        "backup_bytes": count,
        "backup_file": plain(name.replace("\\", "/").rpartition("/")[2], 120),
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
    """Return the facts by name about the newest file below `path`, as `backup_part` asks a host for."""
    root = Path(os.path.expanduser(path))
    newest: tuple[float, int, str] | None = None
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
                if entry.is_dir(follow_symlinks=False) and depth < _DEPTH:
                    folders.append((Path(entry.path), depth + 1))
                elif entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                    about = entry.stat(follow_symlinks=False)
                    newest = max(newest or (0.0, 0, ""), (about.st_mtime, about.st_size, entry.name))
            except OSError:
                continue  # it went while we looked
    return {"backup": "empty"} if newest is None else _newest(round(now - newest[0], 1), newest[1], newest[2])


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
