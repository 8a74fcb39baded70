"""What is done after a run about the primary that was left behind, and what must hold of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ppsconsole.runbooks.request import Request
from tests.engine.model import faults
from tests.engine.model.invariants import given_up

if TYPE_CHECKING:
    from tests.engine.model.playing import Stage


async def goes_on(stage: Stage) -> None:
    """Do what is done later about the primary that was left behind; where nothing was promoted, there is none."""
    world = stage.world
    new, old = sorted(world.databases.values(), key=lambda each: -each.timeline)[:2]
    if not new.is_writable or new.timeline == old.timeline:
        return
    given_up(world, new)
    first = ("fence",) if old.is_writable and "fence" not in stage.story.then else ()
    for number, doing in enumerate((*first, *stage.story.then)):
        world.touched.clear()
        world.beside.clear()
        world.touched.update(name for name, each in world.balancers.items() if each.include != each.loaded)  # a reload mends that
        stage.boundaries, stage.calls_before, stage.beats = 0, stage._calls(), list(stage.story.later)
        stage.trace(f"then: {doing}")
        if doing == "returns":
            if not faults.returns(world, old.name):
                return
            continue
        request = Request("rejoin", old.name, way=doing) if doing == "re-clone" else Request(doing, old.name)
        before = stage.told.runs
        await stage._turn(stage._begins(replace(request, node="", to=old.name) if doing == "switchover" else request))
        if stage.told.runs == before:
            return
        for choice in stage.story.choices[number : number + 2]:
            if choice != "replan" and not stage._is_over():
                await stage._chosen(choice)
        await stage._finishes()


def reboots(stage: Stage) -> None:
    """Let the host of a primary that was kept down boot again: it stays down."""
    if stage.plan is None or not stage.told.verdicts[-1:] or stage.told.verdicts[-1] not in ("success", "success-with-issues"):
        return
    if stage.plan.runbook != "failover":
        return
    for step in stage.plan.steps:
        if step.verb == "fence" and step.arguments.get("rung") == "kept-down":
            database = stage.world.databases[step.node]
            stage.world.power_off(database.host)
            stage.world.power_on(database.host)
            if database.is_writable:
                stage.world.wrong(f"a fenced primary takes writes again: {step.node}, after a boot of its host")
