"""A lab comes up, refuses what it must, and leaves nothing, however it ends."""

import asyncio
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ppsconsole.errors import LabError
from ppsconsole.lab import registry
from ppsconsole.lab.account import service_account
from ppsconsole.lab.children import Children
from ppsconsole.lab.launch import clear_dead
from ppsconsole.lab.layout import LAB_MARK, free_port
from ppsconsole.lab.order import Order
from ppsconsole.lab.processes import ProcessId, marked
from ppsconsole.lab.state import LabState
from ppsconsole.lab.supervisor import Supervisor
from tests.lab.conftest import LIMIT_S, Lab, remains_of, wait_for


def gone(lab: Lab, state: dict) -> None:
    """Wait until no process and no file of the lab is left."""
    wait_for(lambda: not remains_of(state), f"processes gone, left: {remains_of(state)}")
    wait_for(lambda: not lab.folder.exists(), f"{lab.folder} gone")
    assert not Path(state["hosts"]["db1"]["home"]).parent.exists()
    assert not Path(lab.env["XDG_STATE_HOME"], "ppsconsole").exists()


def test_everything_is_up_and_told(lab: Lab) -> None:
    done = lab.command("status", "--dir", str(lab.folder))
    assert done.returncode == 0
    assert "PPS stand-in" in done.stdout
    nodes = lab.nodes()
    printed = lab.command("status", "--json", "--dir", str(lab.folder))
    assert json.loads(printed.stdout)["nodes"] == list(nodes.values())
    assert list(nodes) == ["bastion-a", "bastion-b", "lb1", "pps1", "pps2", "db1", "db2"]
    assert {node["state"] for node in nodes.values()} == {"running"}
    assert {node["complaint"] for node in nodes.values()} == {""}
    assert [name for name, node in nodes.items() if node["is_stand_in"]] == ["pps1", "pps2"]


def test_private_files_are_private(lab: Lab) -> None:
    for name in ("inventory.yaml", "lab.json", "ssh_key", "database.password", "admin.password"):
        assert (lab.folder / name).stat().st_mode & 0o777 == 0o600, name


def test_the_inventory_is_valid(lab: Lab) -> None:
    from ppsconsole.inventory.load import load

    inventory = load(str(lab.inventory))
    assert inventory.is_lab
    assert {instance.declared for instance in inventory.database.instances.values()} == {"primary", "standby"}


def test_a_second_lab_in_the_same_folder_is_refused(lab: Lab) -> None:
    done = lab.up()
    assert done.returncode == 1
    assert "runs there already" in done.stderr
    assert lab.nodes()["db1"]["state"] == "running"


def test_a_folder_with_other_things_is_refused_and_left_alone(own_lab: Lab) -> None:
    own_lab.folder.mkdir()
    (own_lab.folder / "thesis.txt").write_text("mine")
    done = own_lab.up()
    assert done.returncode == 2
    assert "thesis.txt" in done.stderr
    assert os.listdir(own_lab.folder) == ["thesis.txt"]


def test_down_removes_only_what_the_lab_made(own_lab: Lab) -> None:
    own_lab.folder.mkdir()
    assert own_lab.up().returncode == 0
    state = own_lab.state
    (own_lab.folder / "notes.txt").write_text("mine")
    done = own_lab.down()
    assert done.returncode == 0
    assert "notes.txt" in done.stdout
    assert os.listdir(own_lab.folder) == ["notes.txt"]
    assert not remains_of(state)


def test_without_dir_the_only_lab_is_meant(own_lab: Lab) -> None:
    assert own_lab.up().returncode == 0
    assert own_lab.command("status").returncode == 0
    state = own_lab.state
    assert own_lab.command("down").returncode == 0
    gone(own_lab, state)
    none = own_lab.command("status")
    assert none.returncode == 1
    assert "no lab runs" in none.stderr


def test_killed_supervisor_leaves_nothing(own_lab: Lab) -> None:
    assert own_lab.up().returncode == 0
    state = own_lab.state
    own_lab.fault("hang", "db1")
    own_lab.ssh("web1", "setsid sleep 600 >/dev/null 2>&1 </dev/null &")
    os.kill(state["supervisor"][0], signal.SIGKILL)
    gone(own_lab, state)


def test_killed_keeper_ends_the_lab(own_lab: Lab) -> None:
    assert own_lab.up().returncode == 0
    state = own_lab.state
    os.kill(state["keeper"][0], signal.SIGKILL)
    gone(own_lab, state)


def _kill_both(lab: Lab) -> dict:
    """SIGKILL supervisor and keeper so that neither can clean up."""
    state = lab.state
    for who in ("keeper", "supervisor"):
        os.kill(state[who][0], signal.SIGSTOP)
    for who in ("keeper", "supervisor"):
        os.kill(state[who][0], signal.SIGKILL)
    for who in ("keeper", "supervisor"):
        wait_for(lambda who=who: not ProcessId(*state[who]).is_alive, f"{who} dead")
    return state


def test_down_takes_away_the_remains_of_a_dead_lab(own_lab: Lab) -> None:
    assert own_lab.up().returncode == 0
    state = _kill_both(own_lab)
    assert remains_of(state)
    asked = own_lab.command("status", "--dir", str(own_lab.folder))
    assert asked.returncode == 1
    assert "was killed" in asked.stderr
    assert own_lab.down().returncode == 0
    gone(own_lab, state)


def test_up_takes_away_the_remains_of_a_dead_lab(own_lab: Lab) -> None:
    assert own_lab.up().returncode == 0
    before = _kill_both(own_lab)
    done = own_lab.up()
    assert done.returncode == 0, done.stderr
    assert "remains" in done.stderr
    assert own_lab.state["id"] != before["id"]
    assert own_lab.nodes()["db2"]["complaint"] == ""


def _temporary_labs(folder: Path) -> list[LabState]:
    """Return the labs that live in folders of their own below `folder`."""
    return [state for path in folder.glob("ppsconsole-lab-*") if (state := LabState.read(path)) is not None]


def test_up_takes_away_a_dead_lab_in_a_folder_of_its_own_and_leaves_living_ones(tmp_path: Path, own_lab: Lab) -> None:
    own_lab.env["TMPDIR"] = str(tmp_path)
    assert own_lab.up().returncode == 0
    assert own_lab.command("up", "--detach").returncode == 0
    [dead] = _temporary_labs(tmp_path)
    before = _kill_both(Lab(dead.folder))
    assert remains_of(before)
    done = own_lab.command("up", "--detach")
    assert done.returncode == 0, done.stderr
    assert f"killed in {dead.folder}: taking away its remains" in done.stderr
    assert not remains_of(before)
    assert not dead.folder.exists()
    assert own_lab.nodes()["db1"]["complaint"] == ""
    [fresh] = _temporary_labs(tmp_path)
    assert own_lab.command("down", "--dir", str(fresh.folder)).returncode == 0
    assert not fresh.folder.exists()


def test_a_lab_killed_while_it_starts_is_taken_away_by_the_next(tmp_path: Path, own_lab: Lab) -> None:
    own_lab.env["TMPDIR"] = str(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "ppsconsole", "lab", "up", "--detach"],
        env={**os.environ, **own_lab.env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr as told:
        assert any("real: PostgreSQL" in line for line in told)  # initdb runs from now on
        [half] = _temporary_labs(tmp_path)
        assert half.phase == "starting"
        assert half.keeper is not None
        assert half.supervisor is not None
        for each, number in ((half.keeper, signal.SIGSTOP), (half.supervisor, signal.SIGKILL), (half.keeper, signal.SIGKILL)):
            os.kill(each.pid, number)
        process.wait(LIMIT_S)
    assert half.folder.exists()
    done = own_lab.up()
    assert done.returncode == 0, done.stderr
    assert "taking away its remains" in done.stderr
    assert not half.folder.exists()
    assert not half.elsewhere or not Path(half.elsewhere).exists()
    wait_for(lambda: not marked(LAB_MARK, half.id), "processes of the half-started lab gone")


def test_folders_above_go_with_the_lab_that_made_them(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "deep" / "er" / "lab", {"XDG_STATE_HOME": str(tmp_path / "state")})
    assert lab.up().returncode == 0
    assert lab.down().returncode == 0
    assert os.listdir(tmp_path) == []


def test_a_lab_that_cannot_be_listed_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "state"
    blocked.write_text("a file where a folder should be")
    lab = Lab(tmp_path / "own", {"XDG_STATE_HOME": str(blocked)})
    done = lab.up()
    assert done.returncode == 0, done.stderr
    assert f"cannot be listed in {blocked}/ppsconsole/labs" in done.stderr
    assert f"--dir {lab.folder}" in done.stderr
    lost = lab.command("down")
    assert lost.returncode == 1
    assert "cannot be listed" in lost.stderr
    assert "--dir DIR" in lost.stderr
    assert lab.down().returncode == 0


def test_labs_of_another_machine_that_shares_the_home_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "theirs"
    folder.mkdir()
    state = LabState("0123abcd", folder, True, ["lab.json"], supervisor=ProcessId(os.getpid(), 1))
    state.write()
    assert registry.register(state) == ""
    assert [each.id for each in registry.registered()] == ["0123abcd"]
    with monkeypatch.context() as there:
        there.setattr(registry, "_place", lambda: "another 1")
        assert registry.registered() == []
        clear_dead(pytest.fail)
    said: list[str] = []
    clear_dead(said.append)
    assert said == [f"a lab was killed in {folder}: taking away its remains"]
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_told_once(tmp_path: Path) -> None:
    async def main() -> str:
        children = Children()
        noise = "for i in $(seq 200); do echo \"cp: error writing '/a/long/path/$i': No space left on device\" >&2; done; exit 1"
        with pytest.raises(LabError) as caught:
            await children.run(["/bin/sh", "-c", noise], account=service_account(), cwd=Path("/"), env={"PATH": "/usr/bin:/bin"})
        supervisor = Supervisor(Order(str(tmp_path)))
        return supervisor.reason(ExceptionGroup("", [caught.value, OSError(errno.ENOSPC, "No space left on device")]))

    assert asyncio.run(main()) == f"no space left on device in {tmp_path}"


def test_a_half_started_lab_is_recognised(own_lab: Lab) -> None:
    own_lab.folder.mkdir()
    state = LabState("0123abcd", own_lab.folder, True, ["lab.json", "ca.pem"], supervisor=ProcessId(os.getpid(), 1))
    state.write()
    (own_lab.folder / "ca.pem").write_text("half")
    done = own_lab.up()
    assert done.returncode == 0, done.stderr
    assert "remains" in done.stderr


@pytest.mark.parametrize("elsewhere", ["/etc", "/var/tmp/../../etc", "/var/tmp/other"])
def test_a_state_that_names_a_strange_folder_removes_nothing(tmp_path: Path, elsewhere: str) -> None:
    LabState("0123abcd", tmp_path, False, ["lab.json"], elsewhere=elsewhere).write()
    with pytest.raises(LabError, match="elsewhere"):
        LabState.read(tmp_path)


def test_a_state_that_others_could_have_written_is_refused(tmp_path: Path) -> None:
    LabState("0123abcd", tmp_path, False, ["lab.json"]).write()
    (tmp_path / "lab.json").chmod(0o644)
    with pytest.raises(LabError, match="somebody else"):
        LabState.read(tmp_path)


def test_in_the_foreground_it_ends_with_a_hang_up(own_lab: Lab) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ppsconsole", "lab", "up", "--dir", str(own_lab.folder)],
        env={**os.environ, **own_lab.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline().strip() == str(own_lab.inventory)
        state = own_lab.state
        process.send_signal(signal.SIGHUP)
        assert process.wait(LIMIT_S) == 0
    gone(own_lab, state)


def test_killed_holder_takes_the_lab_with_it(own_lab: Lab) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ppsconsole", "lab", "up", "--dir", str(own_lab.folder)],
        env={**os.environ, **own_lab.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    with process.stdout as output:
        output.readline()
        state = own_lab.state
        process.kill()
        process.wait(LIMIT_S)
    gone(own_lab, state)


def test_taken_ports_are_gone_round() -> None:
    from ppsconsole.lab.fabric import Road

    async def main() -> None:
        with socket.create_server(("127.9.9.9", 0)) as taken:
            port = taken.getsockname()[1]
            assert free_port("127.9.9.9", port) != port
            road = Road("web1", "db1", "db", source="127.9.9.8", target=("127.9.9.9", 1), preferred=port)
            assert road.port != port
            road.close()

    asyncio.run(main())


def _names_below(*folders: Path) -> set[str]:
    return {str(path) for folder in folders if folder.is_dir() for path in folder.rglob("*")}


def test_nothing_stays_outside_the_folder(tmp_path: Path) -> None:
    """Not in a home that holds nothing yet, and not in the caches of the machine."""
    home = tmp_path / "home"
    home.mkdir()
    nowhere = {"HOME": str(home), "XDG_STATE_HOME": "", "XDG_CACHE_HOME": ""}
    lab = Lab(tmp_path / "own", nowhere)
    system = Path("/var/cache/ppsconsole")
    before = _names_below(system)
    done = lab.up()
    assert done.returncode == 0, done.stderr
    assert "stand-ins for Pleasant Password Server: pps1, pps2" in done.stderr
    listed = home / ".local" / "state" / "ppsconsole" / "labs"
    assert [path.name for path in listed.iterdir()] == [f"{lab.state['id']}.json"]
    assert lab.down().returncode == 0
    assert not lab.folder.exists()
    assert _names_below(home) == set()
    assert _names_below(system) <= before


def test_two_labs_side_by_side(lab: Lab, own_lab: Lab) -> None:
    assert own_lab.up().returncode == 0
    assert own_lab.state["network"] != lab.state["network"]
    own_lab.fault("kill", "db1")
    assert lab.nodes()["db1"]["complaint"] == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to drop to")
def test_root_drops_to_nobody_wherever_the_folder_is(own_lab: Lab, lab: Lab) -> None:
    """The shared lab's folder is closed to nobody (pytest makes it so), the other one is open."""
    assert not lab.home("db1").is_relative_to(lab.folder)
    with tempfile.TemporaryDirectory() as base:
        os.chmod(base, 0o711)
        reachable = Lab(Path(base) / "open", own_lab.env)
        assert reachable.up().returncode == 0
        try:
            assert reachable.home("db1").is_relative_to(reachable.folder)
            for each in (lab, reachable):
                for name, (pid, _) in each.state["servers"].items():
                    assert Path(f"/proc/{pid}").stat().st_uid == 65534, name
        finally:
            assert reachable.down().returncode == 0


def test_a_system_postgres_serves_as_well(own_lab: Lab) -> None:
    if not list(Path("/usr/lib/postgresql").glob("1[2-9]/bin/pg_basebackup")):
        pytest.skip("no PostgreSQL of the system here")
    done = own_lab.up("--postgres", "system")
    assert done.returncode == 0, done.stderr
    assert own_lab.state["postgres"]["bin"].startswith("/usr/lib/postgresql")


def test_a_failing_start_says_why_and_leaves_nothing(own_lab: Lab) -> None:
    done = own_lab.up("--postgres", "/nowhere")
    assert done.returncode == 1
    assert "/nowhere/postgres" in done.stderr
    assert not own_lab.folder.exists()
