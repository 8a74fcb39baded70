"""The model of a cluster: what its doubles do, and that the product knows them."""

from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.request import Request
from tests.engine.model.console import Console, at_work, modelled
from tests.engine.model.declared import declared
from tests.engine.model.held import play
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
