"""The model of a cluster: what its doubles do, and that the product knows them."""

from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.request import Request
from tests.engine.model.console import Console, at_work, modelled
from tests.engine.model.declared import declared
from tests.engine.model.held import play
from tests.engine.model.playing import tell
from tests.engine.model.story import Beat, Story
from tests.engine.model.ways import mistakes, unanswered
from tests.engine.model.world import new_world


def test_a_switchover_runs_over_the_model_as_over_a_cluster() -> None:
    world = new_world(declared())

    async def boundary(step: Step, phase: str) -> None:
        """Let it pass."""

    async def ask(gate: Gate, step: Step, plan: Plan) -> str:
        return plan.cluster

    async def main() -> None:
        console = Console("anna", world, boundary)
        at_work.set(console)
        run = await console.desk.begin(await console.desk.plan(Request("switchover")), ask)
        result = await run.go()
        assert (result.verdict, result.is_open) == (RunVerdict.SUCCESS, False), result.words
        await run.aclose()

    mistakes.clear()
    unanswered.clear()
    with modelled(world):
        play(main())
    assert mistakes == []
    assert unanswered == set(), "probes ask what the model has no answer to: teach it (commands, effects, postgres)"
    old, new = world.databases["db1"], world.databases["db2"]
    assert (new.is_writable, old.is_writable, old.upstream, new.timeline, old.timeline) == (True, False, "db2", 2, 2)
    assert {record for record, _ in world.acked} <= set(new.log)
    assert world.wrongs == []
    assert all(not host.lease for host in world.hosts.values())


def test_an_old_primary_is_fenced_rejoined_and_made_the_primary_again_over_the_model() -> None:
    for then in (("lost-writes", "rejoin", "switchover"), ("re-clone",)):
        unanswered.clear()
        told = tell(Story(0, "disk-lost-behind", "failover", then=then), declared())
        assert told.wrongs == [], told.trace
        assert told.verdicts == ["success-with-issues", *["success"] * (1 + len(then))], told.trace
        assert unanswered == set(), "what is asked for a rejoin, and the model has no answer to: teach it (rejoining)"


def test_an_operators_own_fence_command_is_believed_when_it_is_verified_and_never_else() -> None:
    ends = {}
    for fence in ("works", "denies", "late", "lies", "fails", "mute"):
        told = tell(Story(0, "site-cut", "failover", fence=fence, choices=("abandon",)), declared())
        assert told.wrongs == [], told.trace
        ends[fence] = ("proof-made", "fence", "") in told.events
    assert ends == {"works": True, "denies": True, "late": True, "lies": False, "fails": False, "mute": False}


def test_a_console_that_died_before_anybody_could_know_of_its_run_keeps_nobody_away() -> None:
    story = Story(0, "fine", "switchover", beats=(Beat("boundary", 0, "dies"),), choices=("other",))
    told = tell(story, declared())
    assert told.wrongs == [], told.trace
    assert any("has the lease of run run1, and no host that answers has a record of it" in line for line in told.trace), (
        told.trace
    )
    assert told.runs == 2, "somebody else began anew"
