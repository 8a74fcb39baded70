"""The small cluster with an alternate server beside it, and what is seen of that."""

from dataclasses import replace
from typing import Any

from ppsconsole.cluster.copies import Copy, Offered
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.inventory.alternate import Alternate, AlternateDatabase
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.model import Host, Inventory, Service, Site
from tests.unit import runbook_cases
from tests.unit.observations import NOW, change, change_host, silence
from tests.unit.runbook_cases import Found

BUNDLE = "pps-20261118T100000Z-aaaa"
NEWER = "pps-20261118T110000Z-bbbb"
COPY = Copy("pleasant_archive_1", BUNDLE, "lab", NOW - 3600.0, "9.1.11.0", is_verified=True, size_bytes=8000)
OFFER = Offered(BUNDLE, "lab", NOW - 3600.0, "9.1.11.0", 4000)
NEWER_OFFER = Offered(NEWER, "lab", NOW - 600.0, "9.1.11.0", 4000)


def declared(**changes: Any) -> Inventory:
    """Return the inventory with the alternate server `alt1` in a third site; `changes` are fields of it."""
    plain = runbook_cases.declared()
    service = Service("command", program="/bin/service")
    database = AlternateDatabase("pleasant", "host=127.9.3.11 user=postgres", "pps", data_directory="/data/alt1", service=service)
    alternate = Alternate("alt1", "alt1", "https://127.9.3.11:8443", service, database, "vault", key_files=("/etc/pps.key",))
    return replace(
        plain,
        sites={**plain.sites, "c": Site("c")},
        hosts={**plain.hosts, "alt1": Host("alt1", "c", "127.9.3.11", hostname="alt1")},
        backups={**plain.backups, "vault": Backup("vault", "/backup", "alt1")},
        alternates={"alt1": replace(alternate, **changes)},
    )


def beside(found: Found, *copies: Copy) -> Found:
    """Return the facts with those of the alternate server: well, stopped and disabled, with some copies."""
    change_host(found, "alt1", ssh="ok", hostname="alt1", clock_skew_s=0.0, disk_percent=40.0, boot_id="b", host_key="SHA256:x")
    change(
        found,
        "alt1",
        service="stopped",
        service_enabled="disabled",
        tcp="refused",
        product_version="9.1.11.0",
        keys=(KeyFile("/etc/pps.key", "ok", "c0ffee"),),
        sql="ok",
        version=180006,
        system_identifier="7999999999999999999",
        copies=copies,
        databases=("pleasant", "postgres", *(each.database for each in copies)),
        database_service="running",
    )
    return found


def lost(*copies: Copy) -> Found:
    """Return: both sites are silent, the alternate server is well."""
    found = runbook_cases.fine()
    for name in ("db1", "db2"):
        silence(found, name, "bastion-down")
        change(found, name, service=None, service_pid=None, control_state=None, server_process=None)
    for name in ("pps1", "pps2", "lb1"):
        change(found, name, service=None, service_enabled=None, service_pid=None, tcp="bastion-down", tls=None, http=None)
        change(found, name, product_version=None, keys=None, points_at=None, members=None, served_by=None)
    for host in ("bastion-a", "bastion-b", "lb1", "web1", "web2", "db1", "db2"):
        change_host(found, host, ssh="unreachable" if host.startswith("bastion") else "bastion-down", host_key=None)
    return beside(found, *copies)
