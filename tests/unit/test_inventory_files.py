"""Which file is read, and which is refused before a byte of it is believed."""

import os
import re

import pytest

from ppsconsole.errors import InventoryError, UsageError
from ppsconsole.inventory import files
from ppsconsole.inventory.find import SeveralInventories, find
from ppsconsole.inventory.load import load
from ppsconsole.inventory.places import config_home, state_home
from tests.unit.inventory_texts import SMALL


@pytest.fixture
def inventory(tmp_path):
    path = tmp_path / "inventory.yaml"
    path.write_text(SMALL)
    path.chmod(0o640)
    return path


def refusal(path):
    with pytest.raises(InventoryError) as caught:
        load(path)
    (mistake,) = caught.value.mistakes
    assert (mistake.line, mistake.column) == (0, 0)
    assert mistake.allowed
    return str(mistake)


def test_a_file_that_only_its_owner_can_write_is_read(inventory):
    assert load(inventory).path == str(inventory)


def test_home_is_expanded(inventory, monkeypatch):
    monkeypatch.setenv("HOME", str(inventory.parent))
    assert load("~/inventory.yaml").path == "~/inventory.yaml"


@pytest.mark.parametrize(("mode", "who"), [(0o660, "its group"), (0o606, "everybody"), (0o666, "its group and everybody")])
def test_a_file_that_others_can_write_is_refused(inventory, mode, who):
    inventory.chmod(mode)
    assert refusal(inventory) == (
        f"{inventory}: the file can be written by {who} (mode {mode:04o}); only its owner may: chmod go-w {inventory}"
    )


def test_a_folder_that_everybody_can_write_is_refused_unless_it_is_sticky(inventory):
    inventory.parent.chmod(0o777)
    assert f"its folder {inventory.parent} can be written by everybody (mode 0777)" in refusal(inventory)
    inventory.parent.chmod(0o1777)
    assert load(inventory).cluster.name == "demo"


def test_behind_a_link_the_real_folder_counts(inventory, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o755)
    link = closed / "link.yaml"
    link.symlink_to(inventory)
    assert load(link).path == str(link)
    tmp_path.chmod(0o777)
    assert f"its folder {tmp_path} can be written by everybody" in refusal(link)


def test_a_file_of_another_user_is_refused(inventory, monkeypatch):
    owner = inventory.stat().st_uid
    monkeypatch.setattr(files.os, "geteuid", lambda: owner + 1 if owner else 0)
    if owner == 0:
        os.chown(inventory, 65534, -1)
        owner = 65534
    assert f"the file belongs to another user (uid {owner})" in refusal(inventory)
    assert re.search(r"chown \d+ ", refusal(inventory))


def test_a_file_of_root_is_taken_by_everybody(inventory, monkeypatch):
    if inventory.stat().st_uid == 0:
        monkeypatch.setattr(files.os, "geteuid", lambda: 1000)
    assert load(inventory).cluster.name == "demo"


def test_what_is_missing_or_no_file_is_said_so(tmp_path):
    assert "no such file; name an existing inventory" in refusal(tmp_path / "none.yaml")
    assert "no such file" in refusal(tmp_path / "none" / "none.yaml")
    assert "this is a folder; name the YAML file in it" in refusal(tmp_path)
    assert "this is not a regular file" in refusal("/dev/null")
    assert "the file cannot be read: the path is not valid" in refusal("a\0b")
    assert "the file cannot be read: File name too long" in refusal("x" * 5000)


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "this is not a regular file" in refusal(tmp_path / "pipe")


def test_an_unreadable_file_is_said_so(inventory, monkeypatch):
    def refused(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.os, "open", refused)
    assert "the file may not be read by this user; ask its owner" in refusal(inventory)


def test_a_huge_file_is_not_read(inventory):
    with inventory.open("r+b") as file:
        file.truncate(files.LIMIT_BYTES)
    assert f"the file has {files.LIMIT_BYTES} bytes; an inventory has less" in refusal(inventory)


def test_several_things_wrong_with_the_file_come_together(inventory):
    inventory.chmod(0o666)
    inventory.parent.chmod(0o777)
    with pytest.raises(InventoryError) as caught:
        load(inventory)
    assert len(caught.value.mistakes) == 2


def test_the_option_goes_before_the_variable_before_the_folder(tmp_path):
    folder = tmp_path / "ppsconsole"
    folder.mkdir()
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "PPSCONSOLE_INVENTORY": "/from/variable"}
    assert find("given", environ) == "given"
    assert find(None, environ) == "/from/variable"
    environ["PPSCONSOLE_INVENTORY"] = ""
    (folder / "only.yaml").touch()
    (folder / "notes.txt").touch()
    assert find(None, environ) == str(folder / "only.yaml")
    (folder / "inventory.yaml").touch()
    assert find(None, environ) == str(folder / "inventory.yaml")


def test_nothing_found_names_every_place(tmp_path):
    with pytest.raises(UsageError) as caught:
        find(None, {"XDG_CONFIG_HOME": str(tmp_path)})
    text = str(caught.value)
    assert "-i (not given), $PPSCONSOLE_INVENTORY (not set)" in text
    assert f"{tmp_path}/ppsconsole/*.yaml, {tmp_path}/ppsconsole/inventories/*.yaml (no such file)" in text
    assert f"copy sample-inventory.yaml to {tmp_path}/ppsconsole/inventory.yaml" in text


def test_several_found_are_named(tmp_path):
    (tmp_path / "ppsconsole").mkdir()
    for name in ("b.yaml", "a.yaml"):
        (tmp_path / "ppsconsole" / name).touch()
    with pytest.raises(SeveralInventories, match="2 inventories, and nobody said which") as caught:
        find(None, {"XDG_CONFIG_HOME": str(tmp_path)})
    assert caught.value.paths == (f"{tmp_path}/ppsconsole/a.yaml", f"{tmp_path}/ppsconsole/b.yaml")
    assert f"\n  ppsconsole -i {tmp_path}/ppsconsole/b.yaml" in str(caught.value)


def test_the_folder_for_several_goes_beside_the_usual_one(tmp_path):
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    folder = tmp_path / "ppsconsole" / "inventories"
    folder.mkdir(parents=True)
    (folder / "eu.yaml").touch()
    assert find(None, environ) == str(folder / "eu.yaml"), "the only one needs no choice"
    (tmp_path / "ppsconsole" / "inventory.yaml").touch()
    (tmp_path / "ppsconsole" / "copy.yaml").touch()
    (tmp_path / "ppsconsole" / "console.yaml").touch()
    with pytest.raises(SeveralInventories) as caught:
        find(None, environ)
    assert caught.value.paths == (f"{tmp_path}/ppsconsole/inventory.yaml", str(folder / "eu.yaml"))


def test_an_empty_option_is_not_the_same_as_none():
    with pytest.raises(UsageError, match="empty path"):
        find(" ", {})


def test_places_follow_the_xdg_variables_and_ignore_relative_ones():
    environ = {"HOME": "/home/anna", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "relative"}
    assert str(config_home(environ)) == "/c/ppsconsole"
    assert str(state_home(environ)) == "/home/anna/.local/state/ppsconsole"
