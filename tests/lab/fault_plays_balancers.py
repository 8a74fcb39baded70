"""One of two balancers refuses its configuration, broken by hand: what that bars, what it does not, and where users get in.

On a lab of the profile `balancers`.
"""

import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ppsconsole.plan.outcomes import RunVerdict
from tests.lab.conftest import Lab, wait_for
from tests.lab.fault_scene import LIMIT_S, FaultScene

BAD, GOOD = "lb1", "lb2"  # the first of them in the inventory: it does not come last by chance
_SAYS = f"{BAD} does not accept its configuration (nginx -T: [emerg] "


def fail_over_past_a_balancer(scene: FaultScene) -> None:
    """It bars a switchover; a failover brings users in at the other one, is held at this one, and goes on once it is mended."""
    old, new = scene.aim()
    with spoilt(scene.lab):
        run = held_at_it(scene, old, new)
    wait_for(lambda: scene.resumed(run, *_WHOLE, *_OPEN, answers=_LOSS).returncode in _WHOLE, "the failover is done", LIMIT_S)
    assert scene.phases(run)[f"verify-service-{BAD}"] == "done"
    wait_for(lambda: front(scene.lab, BAD) == 200, f"users get in at {BAD}", LIMIT_S)
    print("  mended and resumed: success, users get in at both")
    scene.consoles.ran("rejoin", old)
    scene.lab.heal(old)
    assert scene.aim() == (new, old)


def held_at_it(scene: FaultScene, old: str, new: str) -> str:
    """Play that as far as where the run is held, while the file is broken; return the run."""
    text = include(scene.lab).read_text()
    _check_barred(scene, new)
    for each in (BAD, GOOD):  # who runs goes on with what it read before
        wait_for(lambda each=each: front(scene.lab, each) == 200, f"users get in at {each}", LIMIT_S)
    scene.lab.fault("kill", old)
    wanted = ("failover", "--to", new)
    plan = scene.plan_that_says("balancer-config", _SAYS, *wanted)
    item = next(each for each in plan["preflight"] if each["name"] == "balancer-config")
    assert (item["is_blocking"], "the run lets users in there last" in item["words"]) == (False, True), item
    order = [each["id"] for each in plan["steps"] if each["id"].endswith((BAD, GOOD))]
    good = [f"{verb}-{GOOD}" for verb in ("drain", "move-members", "verify-service")]
    assert order == [*good, f"move-members-{BAD}", f"verify-service-{BAD}"], order
    held = scene.begun(*wanted, answers=_LOSS)
    run = str(scene.newest()["run"])

    def is_refused() -> bool:
        """A machine at its limits leaves a look unanswered, and the run is held before it comes to that."""
        nonlocal held
        if "[emerg] " not in held.stdout + held.stderr:
            held = scene.resumed(run, *_OPEN, answers=_LOSS)
        return "[emerg] " in held.stdout + held.stderr

    wait_for(is_refused, "nginx says why", LIMIT_S)
    said, phases = held.stdout + held.stderr, scene.phases(run)
    assert held.returncode == RunVerdict.INCOMPLETE.exit_code, said
    assert (phases["promote"], phases[f"verify-service-{GOOD}"]) == ("done", "done"), said
    assert (phases[f"move-members-{BAD}"], phases[f"verify-service-{BAD}"]) == ("failed", "pending"), said
    assert scene.role(new) == "primary"
    wait_for(lambda: front(scene.lab, GOOD) == 200, f"users get in at {GOOD}", LIMIT_S)
    assert front(scene.lab, BAD) >= 500
    assert include(scene.lab).read_text() == text, "what somebody wrote by hand is not ours to repair"
    print(f"  {BAD} refuses its configuration at a failover: held ({held.returncode}), users get in at {GOOD}")
    return run


_LOSS = ("--accept-loss", "10m")
_WHOLE = tuple(each.exit_code for each in (RunVerdict.SUCCESS, RunVerdict.SUCCESS_WITH_ISSUES))
_OPEN = tuple(each.exit_code for each in (RunVerdict.INCOMPLETE, RunVerdict.UNKNOWN))


def _check_barred(scene: FaultScene, new: str) -> None:
    plan = scene.plan_that_says("balancer-config", _SAYS, "switchover", "--to", new)
    item = next(each for each in plan["preflight"] if each["name"] == "balancer-config")
    assert (item["is_blocking"], GOOD in item["words"]) == (True, False), item
    print(f"  balancer-config: blocks a switchover: {item['words']}")


def include(lab: Lab) -> Path:
    """Return the file that is broken."""
    return lab.home(BAD) / "etc" / "upstream.conf"


@contextmanager
def spoilt(lab: Lab) -> Iterator[None]:
    """Break the file of one balancer by hand while the block runs."""
    file = include(lab)
    good = file.read_text()
    file.write_text(f"{good}\nthis is no nginx\n")
    try:
        yield
    finally:
        file.write_text(good)


def front(lab: Lab, balancer: str) -> int:
    """Return what a user gets at a balancer, as an HTTP status."""
    address, port = lab.road(f"users>{balancer}:nginx")
    context = ssl.create_default_context(cafile=str(lab.folder / "ca.pem"))
    try:
        with urllib.request.urlopen(f"https://{address}:{port}/", context=context, timeout=LIMIT_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
