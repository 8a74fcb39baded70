"""What places for backups and scratch folders have to be: each its own, and none inside of a database."""

import posixpath

from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.model import Inventory
from ppsconsole.inventory.reading import Reading, Steps, quoted


def check_backups(inventory: Inventory, reading: Reading) -> None:
    """Note what is wrong with the places for backups."""
    taken: dict[tuple[str | None, str], str] = {}
    for backup in inventory.backups.values():
        if backup.path is None:
            continue
        steps: Steps = ("backups", backup.name)
        first = taken.setdefault((backup.host, posixpath.normpath(backup.path)), backup.name)
        if first != backup.name:
            what = f"{quoted(backup.path)} is the place of {first} already"
            reading.refuse_at((*steps, "path"), what, "two places need two folders: each keeps as many bundles as it says")
        _refuse_data_directory(inventory, reading, backup.host, backup.path, (*steps, "path"))
        _check_scratch(inventory, backup, reading)


def _check_scratch(inventory: Inventory, backup: Backup, reading: Reading) -> None:
    scratch, steps = backup.scratch, ("backups", backup.name, "scratch")
    if scratch is None or scratch.path is None:
        return
    host = inventory.hosts.get(scratch.host) if scratch.host else None
    if host is not None and host.platform == "windows":
        reading.refuse_at((*steps, "host"), f"'{scratch.host}' is a Windows host", "name a Linux host")
    if not scratch.path.startswith("/") or posixpath.normpath(scratch.path) == "/":
        what = f"{quoted(scratch.path)} is no whole path of a folder"
        reading.refuse_at((*steps, "path"), what, "expected a folder on the host, e.g. /var/tmp/pps-scratch")
    _refuse_data_directory(inventory, reading, scratch.host, scratch.path, (*steps, "path"))


def _refuse_data_directory(inventory: Inventory, reading: Reading, host: str | None, path: str, at: Steps) -> None:
    """Whatever lies in a data directory goes with it: by a rewind, a re-clone, or its loss."""
    place = posixpath.normpath(path)
    for instance in inventory.database.instances.values() if inventory.database else ():
        if host is None or instance.host != host or not instance.data_directory:
            continue
        data = posixpath.normpath(instance.data_directory)
        if f"{place}/".startswith(f"{data}/"):
            reading.refuse_at(at, f"{quoted(path)} is in the data directory of {instance.name}", "expected a folder of its own")
