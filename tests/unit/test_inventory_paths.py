"""Paths and programs of the inventory: each means one place to every login, and none an option."""

import pytest

from tests.unit.inventory_texts import changed, mistake, parsed

_DB2 = "db2: {host: db2}"
_WEB = "web1: {host: web1,"
_LB = "lb1: {kind: nginx,"
_SERVICE = "{kind: systemd, name: pps}"
PLACES = {
    "database.instances.db2.data_directory": (_DB2, "db2: {host: db2, data_directory: VALUE}"),
    "database.instances.db2.bin_directory": (_DB2, "db2: {host: db2, bin_directory: VALUE}"),
    "hosts.db2.disks[0]": ("192.0.2.12,", "192.0.2.12, disks: [VALUE],"),
    "web_nodes.web1.key_files[0]": (_WEB, f"{_WEB} key_files: [VALUE],"),
    "balancers.lb1.include": (_LB, f"{_LB} include: VALUE,"),
    "balancers.lb1.config": (_LB, f"{_LB} config: VALUE,"),
    "balancers.lb1.program": (_LB, f"{_LB} program: VALUE,"),
    "web_nodes.web1.service.program": (_SERVICE, "{kind: command, program: VALUE}"),
    "web_nodes.web1.switch.program": (_SERVICE, f"{_SERVICE}, switch: {{method: command, program: VALUE}}"),
}


@pytest.mark.parametrize("value", ["-rf", "srv/pg", "../srv", "./x"])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_an_option_or_depends_on_the_login_is_refused(place: str, value: str) -> None:
    old, new = PLACES[place]
    said = mistake(changed((old, new.replace("VALUE", f"'{value}'"))))
    assert f"{place.removesuffix('[0]') if 'key_files' in place else place}" in said
    assert f"'{value}' is no " in said
    assert "; expected a path " in said


@pytest.mark.parametrize("value", ["/", "/srv/../etc", "/srv//pg", "/srv/./pg", "//srv"])
def test_a_data_directory_is_a_folder_of_its_own(value: str) -> None:
    said = mistake(changed((_DB2, f"db2: {{host: db2, data_directory: {value}}}")))
    assert (
        f"database.instances.db2.data_directory: '{value}' is no data directory's own path; expected a folder of its own" in said
    )


def test_names_beside_a_data_directory_are_not_put_into_it() -> None:
    inventory = parsed(changed((_DB2, "db2: {host: db2, data_directory: /srv/pg/}")))
    assert inventory.database.instances["db2"].data_directory == "/srv/pg"


def test_a_program_may_be_left_to_the_path_of_the_login() -> None:
    assert parsed(changed((_LB, f"{_LB} program: nginx,"))).balancers["lb1"].program == "nginx"


def test_windows_hosts_have_windows_paths() -> None:
    windows = ("192.0.2.21,", "192.0.2.21, platform: windows,")
    service = (_SERVICE, "{kind: windows-service, name: pps}")
    assert parsed(changed(windows, service, (_WEB, f"{_WEB} key_files: ['C:\\pps\\x.key', '\\\\nas\\x'],")))
    said = mistake(changed(windows, service, (_WEB, f"{_WEB} key_files: ['pps\\x.key'],")))
    assert r"is no whole path; expected a path on the host, e.g. C:\Pleasant" in said
