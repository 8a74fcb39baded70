"""The replication role gets a new password on the primary, and the passfiles are forgotten: before a switchover, and in one."""

from ppsconsole.plan.outcomes import EXIT_BLOCKED, RunVerdict
from tests.lab.conftest import wait_for
from tests.lab.fault_scene import LIMIT_S, FaultScene, Spot
from tests.lab.kill_scene import SIDE

_REFUSED = 'password authentication failed for user "replicator"'


def rotate_it_before_a_switchover(scene: FaultScene) -> None:
    """The plan warns, and names the passfiles; who goes on all the same has no standby behind it, and is told so."""
    old, new = scene.aim()
    rotate(scene, old, "rotated-before")
    plan = scene.plan_that_says("replication-login", _REFUSED, "switchover", "--to", new)
    item = next(each for each in plan["preflight"] if each["name"] == "replication-login")
    assert (item["is_blocking"], "passfile" in item["remedy"]) == (False, True), item
    print(f"  {item['name']}: warned: {item['words']}")
    _switched_without_a_standby(scene, old, new, "before a switchover")
    _home_with(scene, old, new, "rotated-before")


def rotate_it_in_a_switchover(scene: FaultScene) -> None:
    """Nobody knew when it was planned: the old primary is not let in at the end."""
    old, new = scene.aim()
    web = scene.tool(f"web{SIDE[old]}", "pps-service")
    stop = Spot(f"web{SIDE[old]}", web.parents[1] / web.name, web, '[ "$1" = stop ]', ":", 'exec "$real" "$@"')
    with scene.struck_at(lambda _: rotate(scene, old, "rotated-during"), stop):
        _switched_without_a_standby(scene, old, new, "in the middle of a switchover")
    _home_with(scene, old, new, "rotated-during")


def rotate(scene: FaultScene, primary: str, password: str) -> None:
    """Give the role by which standbys follow a new password; who is connected stays so."""
    scene.sql(primary, f"ALTER ROLE replicator PASSWORD '{password}'")


def _switched_without_a_standby(scene: FaultScene, old: str, new: str, when: str) -> None:
    done = scene.begun("switchover", "--to", new)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == RunVerdict.SUCCESS_WITH_ISSUES.exit_code, said
    assert (_REFUSED in said, f"then ppsconsole run rejoin {old}" in said) == (True, True), said
    assert {name for name, phase in scene.phases().items() if phase != "done"} == {"follow"}, said
    assert (scene.role(old), scene.role(new)) == ("silent", "primary")
    print(f"  the replication password was rotated {when}: success with issues ({done.returncode}), {old} does not follow")


def _home_with(scene: FaultScene, old: str, new: str, password: str) -> None:
    """A rejoin is refused for the same reason; with the passfiles mended, as it says, it goes through."""
    plan = scene.plan_that_says("way-to-primary", _REFUSED, "rejoin", old)
    item = next(each for each in plan["preflight"] if each["name"] == "way-to-primary")
    assert f"on {old}: the passfile" in item["remedy"], item
    refused = scene.console("run", "rejoin", old, "--approve", plan["hash"])
    assert refused.returncode == EXIT_BLOCKED, refused.stdout + refused.stderr
    for host in SIDE:
        passfile = scene.lab.home(host) / "etc" / "pgpass"
        fields = [line.rsplit(":", 1) for line in passfile.read_text().splitlines()]
        lines = [f"{who}:{password if who.endswith(':replicator') else secret}" for who, secret in fields]
        passfile.write_text("".join(f"{line}\n" for line in lines))
    scene.consoles.ran("rejoin", old)
    scene.lab.heal(old)
    wait_for(lambda: scene.aim() == (new, old), f"{old} follows {new}", LIMIT_S)
    print(f"  with the passfiles mended, {old} is rejoined")
