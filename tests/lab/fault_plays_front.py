"""The certificate of the front has ended when the primary is lost: nobody gets in, and no request could prove that they do."""

from ppsconsole.plan.outcomes import RunVerdict
from tests.lab.remedied_faults import ended_certificate
from tests.lab.remedied_scene import RemedyScene

_ENDED = "no page: the certificate, or one above it, has expired"


def fail_over_with_an_ended_certificate(scene: RemedyScene) -> None:
    """It bars no failover; the run moves the database and stops where users come in, until there is a good one."""
    old, new = scene.aim()
    scene.lab.fault("kill", old)
    wanted = ("failover", "--to", new)
    with ended_certificate(scene):
        plan = scene.plan_that_says("front-certificate", "has ended: lb1", *wanted)
        item = next(each for each in plan["preflight"] if each["name"] == "front-certificate")
        assert not item["is_blocking"], item
        print(f"  front-certificate: warned: {item['words']}")
        answers = (*scene.approved(*wanted), "--accept-loss", "10m")
        held = scene.console("run", *wanted, *answers)
        said = " ".join((held.stdout + held.stderr).split())
        assert (held.returncode, _ENDED in said) == (RunVerdict.INCOMPLETE.exit_code, True), said
        phases = scene.phases()
        assert (phases["promote"], phases["move-members-lb1"], phases["verify-service-lb1"]) == ("done", "failed", "pending")
        assert scene.role(new) == "primary"
        print(f"  the front's certificate has ended at a failover: held ({held.returncode}), {new} is the primary")
    scene.admin.follow(item)
    done = scene.console("runs", "resume", scene.newest()["run"], *answers)
    # That users could not be taken off before is an issue of the run.
    assert done.returncode == RunVerdict.SUCCESS_WITH_ISSUES.exit_code, done.stdout + done.stderr
    print(f"  with a good one, resumed: success with issues ({done.returncode})")
    scene.consoles.ran("rejoin", old)
    scene.lab.heal(old)
    assert scene.aim() == (new, old)
