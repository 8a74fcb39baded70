"""One of two balancers refuses its configuration, broken by hand: what that bars, what it does not, and where users get in.

On a lab of the profile `balancers`.
"""

import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ppsconsole.plan.outcomes import EXIT_BLOCKED, RunVerdict
from tests.lab.conftest import Lab, wait_for
from tests.lab.fault_scene import LIMIT_S, FaultScene

BAD, GOOD = "lb1", "lb2"  # the first of them in the inventory: it does not come last by chance
_SAYS = f"{BAD} does not accept its configuration (nginx -T: [emerg] "


def fail_over_past_a_balancer(scene: FaultScene) -> None:
    """It bars a switchover; a failover brings users in at the other one, and is held at this one until that is mended."""
    old, new = scene.aim()
    loss = ("--accept-loss", "10m")
    with spoilt(scene.lab) as text:
        _check_barred(scene, new)
        assert (front(scene.lab, BAD), front(scene.lab, GOOD)) == (200, 200), "who runs goes on with what it read before"
        scene.lab.fault("kill", old)
        wanted = ("failover", "--to", new)
        plan = scene.plan_that_says("balancer-config", _SAYS, *wanted)
        item = next(each for each in plan["preflight"] if each["name"] == "balancer-config")
        assert (item["is_blocking"], "the run lets users in there last" in item["words"]) == (False, True), item
        order = [each["id"] for each in plan["steps"] if each["id"].endswith((BAD, GOOD))]
        good = [f"{verb}-{GOOD}" for verb in ("drain", "move-members", "verify-service")]
        assert order == [*good, f"move-members-{BAD}", f"verify-service-{BAD}"], order
        held = scene.begun(*wanted, answers=loss)
        said = held.stdout + held.stderr
        phases = scene.phases()
        assert held.returncode == RunVerdict.INCOMPLETE.exit_code, said
        assert (phases["promote"], phases[f"verify-service-{GOOD}"]) == ("done", "done"), said
        assert (phases[f"move-members-{BAD}"], phases[f"verify-service-{BAD}"]) == ("failed", "pending"), said
        assert "[emerg] " in said, said
        assert scene.role(new) == "primary"
        wait_for(lambda: front(scene.lab, GOOD) == 200, f"users get in at {GOOD}", LIMIT_S)
        assert front(scene.lab, BAD) >= 500
        assert include(scene.lab).read_text() == text, "what somebody wrote by hand is not ours to repair"
        print(f"  {BAD} refuses its configuration at a failover: held ({held.returncode}), users get in at {GOOD}")
    ended = scene.resumed(scene.newest()["run"], *(each.exit_code for each in _WHOLE), answers=loss)
    assert scene.phases()[f"verify-service-{BAD}"] == "done", ended.stdout + ended.stderr
    wait_for(lambda: front(scene.lab, BAD) == 200, f"users get in at {BAD}", LIMIT_S)
    print(f"  mended and resumed: {ended.returncode}, users get in at both")


_WHOLE = (RunVerdict.SUCCESS, RunVerdict.SUCCESS_WITH_ISSUES)


def _check_barred(scene: FaultScene, new: str) -> None:
    plan = scene.plan_that_says("balancer-config", _SAYS, "switchover", "--to", new)
    item = next(each for each in plan["preflight"] if each["name"] == "balancer-config")
    assert (item["is_blocking"], GOOD in item["words"]) == (True, False), item
    refused = scene.console("run", "switchover", "--to", new, "--approve", plan["hash"])
    assert refused.returncode == EXIT_BLOCKED, refused.stdout + refused.stderr
    print(f"  balancer-config: refused ({refused.returncode}): {item['words']}")


def include(lab: Lab) -> Path:
    """Return the file that is broken."""
    return lab.home(BAD) / "etc" / "upstream.conf"


@contextmanager
def spoilt(lab: Lab) -> Iterator[str]:
    """Break the file of one balancer by hand while the block runs; give what it says then."""
    file = include(lab)
    good = file.read_text()
    file.write_text(text := f"{good}\nthis is no nginx\n")
    try:
        yield text
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
