"""What the console keeps below its state folder: for its user only under any umask, and written through no link."""

import ast
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ppsconsole
from ppsconsole.engine import memory, shown
from ppsconsole.engine.journal import open_journal
from ppsconsole.errors import JournalError
from ppsconsole.inventory import draft, kept, private
from ppsconsole.inventory.answers import Answers
from ppsconsole.inventory.places import state_home
from ppsconsole.probes import login_memory
from ppsconsole.runbooks.history import History
from ppsconsole.tui import clipboard, crash
from tests.engine.scripted import scripted_plan


def _journal() -> None:
    journal = open_journal()
    journal.reserve()
    journal.close()


WRITERS: dict[str, Callable[[], object]] = {
    "journal.sqlite": _journal,
    "copy.txt": lambda: clipboard.keep("x", clipboard.copy_path(os.environ)),
    "reports/r1.md": lambda: clipboard.keep("x", state_home() / "reports" / "r1.md"),
    "crashes": lambda: crash.kept(ValueError("x"), os.environ),
    "inventory-draft.json": lambda: draft.keep(Answers(), draft.draft_path()),
    "plans": lambda: shown.remember(scripted_plan()),
    "seen": lambda: memory.keep("lab", History(), 1.0),
    "logins": lambda: login_memory.keep("lab", login_memory.Logins()),
    kept._FOLDER: lambda: kept.keep("/etc/inventory.yaml", b"x", (), {}),
}
MODULES = {
    "engine.journal_place": "journal.sqlite",
    "tui.clipboard": "copy.txt",
    "tui.crash": "crashes",
    "inventory.draft": "inventory-draft.json",
    "engine.shown": "plans",
    "engine.memory": "seen",
    "probes.login_memory": "logins",
    "inventory.kept": kept._FOLDER,
}
"""What writes there, by module, and the writer above that shows it."""
ASKING = {"engine.journal": "hands the folder to its place", "tui.screens.report": "has the clipboard keep the file"}


def test_whatever_writes_in_the_state_folder_is_tried_here() -> None:
    package = Path(ppsconsole.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        tree = ast.parse(path.read_text())
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        if any(each == "state_home" or each.startswith("private.") for each in called):
            found.add(".".join(path.relative_to(package).with_suffix("").parts))
    assert found == {*MODULES, *ASKING}, "name it in MODULES, with a writer that shows what it makes"
    assert set(MODULES.values()) <= set(WRITERS)


@pytest.fixture(params=[0o000, 0o077, 0o022, 0o777], ids=lambda mask: f"umask-{mask:03o}")
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_everything_is_private_under_any_umask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "new" / "state"))
    for write in WRITERS.values():
        write()
    found = [tmp_path / "new", *(tmp_path / "new").rglob("*")]
    names = {str(each.relative_to(state_home())) for each in found if state_home() in each.parents}
    assert {*WRITERS, "journal.reserve", "crashes", "plans"} <= names
    for each in found:
        assert stat.S_IMODE(each.lstat().st_mode) == (0o700 if each.is_dir() else 0o600), each
        assert not each.name.endswith(".new") or each.is_dir()


@pytest.mark.parametrize("name", WRITERS)
def test_a_state_folder_that_is_a_link_is_refused(name: str, victim: Path) -> None:
    state_home().parent.mkdir(parents=True)
    state_home().symlink_to(victim)
    if name == "journal.sqlite":
        with pytest.raises(JournalError) as caught:
            _journal()
        assert f"it is a symbolic link to {victim}: remove it, or set XDG_STATE_HOME" in str(caught.value)
        assert caught.value.exit_code == 1
    else:
        _may_refuse(WRITERS[name])


@pytest.mark.parametrize("name", [name for name in WRITERS if "." not in name] + ["reports/r1.md"])
def test_a_folder_in_it_that_is_a_link_is_refused(name: str, victim: Path) -> None:
    private.make_folder(state_home())
    (state_home() / name.partition("/")[0]).symlink_to(victim)
    _may_refuse(WRITERS[name])


@pytest.mark.parametrize("name", ["copy.txt", "reports/r1.md", "inventory-draft.json"])
def test_a_file_that_is_a_link_is_replaced_and_not_followed(name: str, victim: Path) -> None:
    path = state_home() / name
    private.make_folder(path.parent)
    path.symlink_to(victim / "victim")
    path.with_name(f".{path.name}.{os.getpid()}.new").symlink_to(victim / "victim")
    WRITERS[name]()
    assert not path.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "name", ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "journal.sqlite-journal", "journal.reserve"]
)
@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "folder"])
def test_a_journal_that_somebody_planted_is_refused_and_not_touched(name: str, kind: str, victim: Path) -> None:
    private.make_folder(state_home())
    path = state_home() / name
    match kind:
        case "link":
            path.symlink_to(victim / "victim")
        case "dangling":
            path.symlink_to(victim / "new")
        case "pipe":
            os.mkfifo(path)
        case _:
            path.mkdir()
    before = os.listdir(state_home())
    with pytest.raises(JournalError) as caught:
        open_journal()
    assert name in str(caught.value)
    assert caught.value.remedy
    assert os.listdir(state_home()) == before


def test_what_belongs_to_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    private.make_folder(state_home())
    path, me = state_home() / "journal.sqlite", os.geteuid()
    path.write_text("")
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(PermissionError, match=rf"journal\.sqlite belongs to user id {me}: move it away"):
        private.refuse_planted(path)
    with pytest.raises(JournalError, match=rf"the folder belongs to user id {me}: set XDG_STATE_HOME"):
        open_journal()
    with pytest.raises(OSError, match=f"user id {me}"):
        clipboard.keep("x", clipboard.copy_path(os.environ))


def _may_refuse(write: Callable[[], object]) -> None:
    """What is only a help keeps quiet where it cannot be kept; what was asked for says so."""
    told = ""
    try:
        found = write()
        told = found.trouble if isinstance(found, crash.Crash) else ""
    except OSError as error:
        told = str(error.strerror)
    assert not told or "symbolic link" in told
