"""The certificate of the front has ended when the primary is lost: nobody gets in, and no request could prove that they do."""

from ppsconsole.plan.outcomes import RunVerdict
from tests.lab.remedied_faults import ended_certificate
from tests.lab.remedied_scene import RemedyScene

_ENDED = "no page: the certificate, or one above it, has expired"


def fail_over_with_an_ended_certificate(scene: RemedyScene) -> None:
    """It bars no failover; the run moves the database and stops where users come in, until there is a good one."""
    old, new = scene.aim()
    scene.lab.fault("kill", old)
    wanted, loss = ("failover", "--to", new), ("--accept-loss", "10m")
    with ended_certificate(scene):
        plan = scene.plan_that_says("front-certificate", "has ended: lb1", *wanted)
        item = next(each for each in plan["preflight"] if each["name"] == "front-certificate")
        assert not item["is_blocking"], item
        print(f"  front-certificate: warned: {item['words']}")
        held = scene.begun(*wanted, answers=loss)
        said = " ".join((held.stdout + held.stderr).split())
        assert (held.returncode, _ENDED in said) == (RunVerdict.INCOMPLETE.exit_code, True), said
        phases = scene.phases()
        assert (phases["promote"], phases["move-members-lb1"], phases["verify-service-lb1"]) == ("done", "failed", "pending")
        assert scene.role(new) == "primary"
        print(f"  the front's certificate has ended at a failover: held ({held.returncode}), {new} is the primary")
    scene.admin.follow(item)
    # That users could not be taken off before is an issue of the run.
    done = scene.resumed(scene.newest()["run"], RunVerdict.SUCCESS_WITH_ISSUES.exit_code, answers=loss)
    print(f"  with a good one, resumed: success with issues ({done.returncode})")
    scene.consoles.ran("rejoin", old)
    scene.lab.heal(old)
    assert scene.aim() == (new, old)
