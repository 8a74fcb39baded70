"""The rules of a run, on a scripted world: order, gates, proofs, doubt, backing out, holding."""

import asyncio
from dataclasses import replace

import pytest

from ppsconsole.engine.custody import RunResult
from ppsconsole.engine.stage import LeaseLost, Stage
from ppsconsole.engine.state import state_of
from ppsconsole.errors import BastionDown, Blocked, JournalError, TimedOut, Unreachable, UsageError
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.step import Gate
from tests.engine.scripted import BEFORE, Custodian, Memory, Scene, World, play, scripted_plan

AFTER = {"front": "new", "web": "running", "db1": "stopped", "prove": "yes", "db2": "primary", "follow": "yes"}


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch) -> None:
    monkeypatch.setattr("ppsconsole.engine.perform.SHORTEST_LOOK_S", 0.3)


def replayed(scene: Scene):
    return state_of(scene.plan, scene.records.events)


def test_a_run_without_faults_does_every_step_once_and_in_order() -> None:
    scene = Scene(World())
    result = play(scene.runner().run())
    assert (result.verdict, result.is_open) == (RunVerdict.SUCCESS, False)
    assert scene.world.facts == AFTER
    assert scene.world.acts == [step.id for step in scene.plan.steps]
    one = ["step-started drain", "step-checked drain", "output drain", "output drain", "step-finished drain"]
    assert scene.kinds()[:5] == one
    assert scene.kinds()[-1] == "run-finished"
    assert [event.number for event in scene.records.events] == list(range(1, len(scene.records.events) + 1))
    assert scene.world.trace[:3] == ["drain.precheck", "drain.act", "drain.verify"]


def test_what_was_found_before_the_point_of_no_return_is_on_its_way_to_the_hosts_before_it_acts() -> None:
    scene = Scene(World())
    [returns] = [step.id for step in scene.plan.steps if step.is_point_of_no_return]
    before = [step.id for step in scene.plan.steps][: [step.id for step in scene.plan.steps].index(returns)]
    settled: list[list[str]] = []

    class Copying(Custodian):
        async def settle(self, *, is_whole: bool = False) -> None:
            settled.append([e.step for e in scene.records.events if e.kind == "step-finished" and e.number in self.seen])

    scene.custody = Copying()
    fault = scene.world.fault

    async def watched(step: str, phase: str) -> str:
        # Another console, which has no more than the copies, must find what steps proved: it cannot be looked at again.
        assert (step, phase) != (returns, "act") or settled[-1] == before
        return await fault(step, phase)

    scene.world.fault = watched
    assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS
    assert settled


def test_an_event_is_durable_before_its_step_acts_and_before_a_listener_sees_it() -> None:
    scene = Scene(World())
    durable: list[int] = []
    seen: list[int] = []

    class Slow(Memory):
        def append(self, *events) -> None:
            assert scene.world.trace == [] or scene.world.trace
            super().append(*events)
            durable.extend(event.number for event in events)

    scene.records = Slow()

    async def main() -> None:
        runner = scene.runner()

        def listener(event) -> None:
            assert event.number in durable
            seen.append(event.number)

        runner.recorder.listen(listener)
        fault = scene.world.fault

        async def watched(step: str, phase: str) -> str:
            assert any(event.kind == "step-started" and event.step == step for event in scene.records.events)
            if phase == "act":
                assert any(event.kind == "step-checked" and event.step == step for event in scene.records.events)
            return await fault(step, phase)

        scene.world.fault = watched
        await runner.run()
        await runner.recorder.aclose()

    play(main())
    assert seen == durable == list(range(1, len(durable) + 1))


def test_a_failing_and_a_slow_listener_stop_nothing() -> None:
    scene = Scene(World())
    calls: list[str] = []

    async def main():
        runner = scene.runner()
        never = asyncio.Event()

        async def slow(event) -> None:
            calls.append("slow")
            await never.wait()

        def failing(event) -> None:
            calls.append("failing")
            raise RuntimeError("a broken screen")

        runner.recorder.listen(slow)
        runner.recorder.listen(failing)
        result = await runner.run()
        await asyncio.wait_for(runner.recorder.aclose(), 120)
        return result

    assert play(main()).verdict is RunVerdict.SUCCESS
    assert calls.count("slow") == 1
    assert calls.count("failing") == len(scene.records.events)


def test_a_journal_that_fails_stops_the_run_before_the_next_act() -> None:
    class Full(Memory):
        def append(self, *events) -> None:
            if len(self.events) + len(events) > 6:  # not even what the second step found can be written
                raise JournalError("the disk is full")
            super().append(*events)

    scene = Scene(World(), records=Full())
    with pytest.raises(JournalError, match="full"):
        play(scene.runner().run())
    assert scene.world.acts == ["drain"]


DOUBTS = [
    (phase, fault)
    for phase in ("precheck", "act", "verify")
    for fault in ("no", "unknown", "dropped-before", "moved", "bug", "hang")
    if (phase, fault) != ("act", "unknown")  # an act says nothing
]


@pytest.mark.parametrize(("phase", "fault"), DOUBTS)
@pytest.mark.parametrize("step", ["drain", "stop-web", "stop-primary", "prove"])
def test_a_switchover_in_doubt_before_the_point_of_no_return_goes_all_the_way_back(step: str, phase: str, fault: str) -> None:
    scene = Scene(World())
    scene.world.faults[(step, phase)] = fault
    if fault == "dropped-before":  # a line that is back in a moment is waited for: `test_line_wait`
        scene.world.lasting.add((step, phase))
    result = play(scene.runner().run())
    assert (result.verdict, result.is_open) == (RunVerdict.ROLLED_BACK, False)
    assert scene.world.facts == BEFORE
    assert "promote.act" not in scene.world.trace
    undone = [event.step for event in scene.records.events if event.kind == "undo-finished"]
    ids = [each.id for each in scene.plan.steps]
    assert undone == sorted(undone, key=ids.index, reverse=True)
    assert replayed(scene).verdict is RunVerdict.ROLLED_BACK


def test_a_dropped_line_is_answered_by_looking() -> None:
    scene = Scene(World())
    scene.world.faults[("stop-primary", "act")] = "dropped-after"
    assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS
    assert scene.world.acts.count("stop-primary") == 1
    [finished] = [event for event in scene.records.events if (event.kind, event.step) == ("step-finished", "stop-primary")]
    assert "the line dropped" in finished.words


@pytest.mark.parametrize(("fault", "acts"), [("bastion", 2), ("dropped-before", 1), ("refused", 1)])
def test_an_act_is_repeated_only_when_the_error_shows_that_nothing_was_done(fault: str, acts: int) -> None:
    scene = Scene(World(), plan=scripted_plan("failover"))
    scene.world.faults[("stop-web", "act")] = fault
    result = play(scene.runner().run())
    assert scene.world.trace.count("stop-web.act") == acts
    assert result.verdict is (RunVerdict.SUCCESS if acts == 2 else RunVerdict.INCOMPLETE)


@pytest.mark.parametrize(
    ("step", "phase", "fault", "verdict"),
    [
        ("promote", "precheck", "no", RunVerdict.ROLLED_BACK),
        ("promote", "act", "moved", RunVerdict.INCOMPLETE),
        ("promote", "act", "no", RunVerdict.INCOMPLETE),
        ("promote", "act", "hang", RunVerdict.INCOMPLETE),
        ("promote", "verify", "unknown", RunVerdict.UNKNOWN),
        ("start-web", "act", "no", RunVerdict.INCOMPLETE),
        ("start-web", "verify", "unknown", RunVerdict.UNKNOWN),
        ("move-front", "precheck", "unknown", RunVerdict.INCOMPLETE),
        ("follow", "act", "no", RunVerdict.SUCCESS_WITH_ISSUES),
        ("follow", "verify", "unknown", RunVerdict.SUCCESS_WITH_ISSUES),
    ],
)
def test_from_the_point_of_no_return_on_it_stops_and_says_where_things_stand(step, phase, fault, verdict) -> None:
    scene = Scene(World())
    scene.world.faults[(step, phase)] = fault
    runner = scene.runner()
    result = play(runner.run())
    assert result.verdict is verdict
    if verdict is not RunVerdict.ROLLED_BACK:
        assert not any(act.startswith("undo") for act in scene.world.acts)
    assert result.is_open == (verdict in (RunVerdict.INCOMPLETE, RunVerdict.UNKNOWN))
    if result.is_open:
        assert scene.kinds()[-1] == "held"
        with pytest.raises(Blocked, match="point of no return"):
            play(scene.runner().back_out("I would rather not"))
        assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS
        assert scene.world.facts == AFTER


def test_a_run_that_finds_a_second_primary_is_no_success_of_any_kind() -> None:
    scene = Scene(World())
    scene.world.faults[("follow", "precheck")] = "second-primary"
    runner = scene.runner()
    result = play(runner.run())
    assert (result.verdict, result.is_open) == (RunVerdict.INCOMPLETE, False)
    assert result.words == "db1 runs as a second primary: fence it"
    assert runner.state.second_primary == "db1"


def test_a_refused_first_contact_with_the_promotion_still_goes_back() -> None:
    scene = Scene(World())

    async def always_down(step: str, phase: str) -> str:
        if (step, phase) == ("promote", "act"):
            scene.world.faults[(step, phase)] = "bastion"
        return await fault(step, phase)

    fault = scene.world.fault
    scene.world.fault = always_down
    assert play(scene.runner().run()).verdict is RunVerdict.ROLLED_BACK
    assert scene.world.facts == BEFORE


def test_nothing_is_promoted_without_the_proofs_of_this_run() -> None:
    plan = scripted_plan("failover")
    for unproved in ("stop-primary", "prove"):
        steps = tuple(
            replace(step, arguments={**step.arguments, "proves": ""}) if step.id == unproved else step for step in plan.steps
        )
        scene = Scene(World(), plan=replace(plan, steps=steps))
        result = play(scene.runner().run())
        assert (result.verdict, result.is_open) == (RunVerdict.INCOMPLETE, True)
        assert "this run has no proof" in result.words
        assert scene.world.facts["db2"] == "standby"


def test_a_primary_that_could_not_be_seen_needs_a_fence_too() -> None:
    plan = scripted_plan("failover")
    unseen = replace(plan.identities[0], role="unknown")
    steps = tuple(replace(step, arguments={**step.arguments, "proves": ""}, needs=step.needs[:1]) for step in plan.steps)
    scene = Scene(World(), plan=replace(plan, steps=steps, identities=(unseen, plan.identities[1])))
    assert "db1 cannot write" in play(scene.runner().run()).words
    only_standbys = (replace(unseen, role="standby"), plan.identities[1])
    scene = Scene(World(), plan=replace(plan, steps=steps, identities=only_standbys))
    assert "no old primary" in play(scene.runner().run()).words


def test_a_failover_holds_where_it_stands() -> None:
    scene = Scene(World(), plan=scripted_plan("failover"))
    scene.world.faults[("prove", "act")] = "no"
    result = play(scene.runner().run())
    assert (result.verdict, result.is_open) == (RunVerdict.INCOMPLETE, True)
    assert scene.world.facts["db1"] == "stopped"
    assert play(scene.runner().back_out("the primary is well after all")).verdict is RunVerdict.ROLLED_BACK
    assert scene.world.facts == BEFORE
    assert play(scene.runner().run()).words == "the run has ended before"


def test_a_run_that_did_nothing_ends_as_failed() -> None:
    scene = Scene(World(), plan=scripted_plan("restart"))
    scene.world.faults[("drain", "precheck")] = "no"
    result = play(scene.runner().run())
    assert (result.verdict, result.is_open) == (RunVerdict.FAILED, False)


@pytest.mark.parametrize(("fault", "verdict"), [("no", RunVerdict.FAILED), ("unknown", RunVerdict.UNKNOWN)])
def test_what_is_not_seen_to_be_back_is_not_called_rolled_back(fault: str, verdict: RunVerdict) -> None:
    scene = Scene(World())
    scene.world.faults[("prove", "act")] = "no"

    async def stubborn(step: str, phase: str) -> str:
        if (step, phase) == ("stop-web", "verify_undone"):
            scene.world.faults[(step, phase)] = fault
        return await usual(step, phase)

    usual = scene.world.fault
    scene.world.fault = stubborn
    result = play(scene.runner().run())
    assert (result.verdict, result.is_open) == (verdict, True)
    assert scene.world.facts == BEFORE, "the other steps were put back all the same"
    scene.world.fault = usual
    assert play(scene.runner().run()).verdict is RunVerdict.ROLLED_BACK


def test_held_after_the_step_at_hand_then_resumed() -> None:
    scene = Scene(World())

    async def main():
        runner = scene.runner()
        runner.recorder.listen(lambda event: runner.hold() if event.kind == "step-started" else None)
        return await runner.run()

    result = play(main())
    assert (result.verdict, result.is_open) == (RunVerdict.INCOMPLETE, True)
    assert scene.kinds()[-2:] == ["step-finished drain", "held"]
    assert replayed(scene).is_held
    assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS
    assert "resumed" in scene.kinds()


@pytest.mark.parametrize("runbook", ["switchover", "failover"])
def test_what_is_about_to_act_and_all_that_it_rests_on_is_durable_before_it_acts(runbook: str) -> None:
    scene = Scene(World(), plan=scripted_plan(runbook))
    usual, at_act = scene.world.fault, dict[str, list[str]]()

    async def looked(step: str, phase: str) -> str:
        if phase == "act":
            at_act[step] = scene.kinds()
        return await usual(step, phase)

    scene.world.fault = looked
    assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS
    assert set(at_act) == {step.id for step in scene.plan.steps}
    for step, durable in at_act.items():
        assert durable[-2:] == [f"step-started {step}", f"step-checked {step}"]
    assert {"step-finished stop-primary", "proof-made stop-primary", "proof-made prove"} <= set(at_act["promote"])


def held_at_the_last_moment(scene: Scene) -> RunResult:
    """Play a run in which a hold is asked for while the promotion is prechecked."""

    async def main() -> RunResult:
        runner, usual = scene.runner(), scene.world.fault

        async def asked(step: str, phase: str) -> str:
            if (step, phase) == ("promote", "precheck"):
                runner.hold()
            return await usual(step, phase)

        scene.world.fault = asked
        try:
            return await runner.run()
        finally:
            scene.world.fault = usual

    return play(main())


@pytest.mark.parametrize("runbook", ["switchover", "failover"])
def test_a_hold_before_the_point_of_no_return_is_honoured_up_to_its_record(runbook: str) -> None:
    scene = Scene(World(), plan=scripted_plan(runbook))
    result = held_at_the_last_moment(scene)
    assert (result.verdict, result.is_open) == (RunVerdict.INCOMPLETE, True)
    assert scene.world.facts["db2"] == "standby"
    assert scene.kinds()[-2:] == ["step-finished promote", "held"]
    assert not replayed(scene).is_past_return(scene.plan), "the way back is open"
    assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS
    assert scene.world.acts.count("promote") == 1


def test_what_was_held_before_the_point_of_no_return_can_be_put_back() -> None:
    scene = Scene(World())
    held_at_the_last_moment(scene)
    assert play(scene.runner().back_out("not today")).verdict is RunVerdict.ROLLED_BACK
    assert scene.world.facts == BEFORE


def test_marking_done_looks_and_makes_no_proof() -> None:
    scene = Scene(World(), plan=scripted_plan("failover"))
    scene.world.faults[("stop-web", "act")] = "no"

    async def main() -> None:
        runner = scene.runner()
        await runner.run()
        with pytest.raises(Blocked, match="not seen done"):
            await runner.mark_done("stop-web", "I stopped it")
        scene.world.facts["web"] = "stopped"
        with pytest.raises(Blocked, match="reason"):
            await runner.mark_done("stop-web", " ")
        with pytest.raises(UsageError, match="stands at stop-web"):
            await runner.mark_done("drain", "again")
        await runner.mark_done("stop-web", "I stopped it")
        scene.world.faults[("stop-primary", "act")] = "no"
        await runner.run()
        scene.world.facts["db1"] = "stopped"
        with pytest.raises(Blocked, match="never marked"):
            await runner.mark_done("stop-primary", "trust me")
        assert runner.state.proofs == ()
        assert (await runner.run()).verdict is RunVerdict.SUCCESS

    play(main())
    assert scene.world.facts == AFTER


def test_abandoning_takes_a_reason_and_touches_nothing() -> None:
    scene = Scene(World())
    scene.world.faults[("start-web", "act")] = "no"

    async def main():
        runner = scene.runner()
        await runner.run()
        trace = list(scene.world.trace)
        with pytest.raises(Blocked, match="reason"):
            await runner.abandon("")
        result = await runner.abandon("we go on by hand")
        assert scene.world.trace == trace
        return result

    result = play(main())
    assert (result.verdict, result.is_open) == (RunVerdict.INCOMPLETE, False)


def test_a_console_that_lost_the_lease_does_nothing_more() -> None:
    scene = Scene(World())
    scene.world.faults[("prove", "act")] = "lost"
    with pytest.raises(LeaseLost):
        play(scene.runner().run())
    assert scene.world.acts == ["drain", "stop-web", "stop-primary"]
    scene.custody.is_lost = True
    with pytest.raises(LeaseLost):
        play(scene.runner().back_out("away"))
    assert scene.world.acts == ["drain", "stop-web", "stop-primary"]


def answers(**by_kind):
    async def ask(gate, step, plan):
        return by_kind.get(gate.kind.replace("-", "_"))

    return ask


def test_without_a_terminal_every_gate_is_answered_before_anything_is_touched() -> None:
    scene = Scene(World(), plan=scripted_plan(has_gates=True))
    with pytest.raises(Blocked, match="--approve"):
        play(scene.runner().answer_all())
    assert (scene.world.trace, scene.records.events) == ([], [])
    scene.ask = answers(name="lab")

    async def main():
        runner = scene.runner()
        await runner.answer_all()
        return await runner.run()

    assert play(main()).verdict is RunVerdict.SUCCESS
    assert "gate-answered promote" in scene.kinds()
    assert replayed(scene).answers == {"promote": "lab"}


@pytest.mark.parametrize(
    ("gate", "loss", "good", "bad"),
    [
        ("name", Loss(LossTier.NONE), "lab", "production"),
        ("confirm", Loss(LossTier.NONE), "yes", "0123456789abcdef"),
        ("accept-loss", Loss(LossTier.BOUNDED, 3.0), "5s", "1s"),
        ("accept-loss", Loss(LossTier.UNKNOWN), "unlimited", "1h"),
        ("attest", Loss(LossTier.NONE), "I pulled the plug of db1 myself", "ok"),
    ],
)
def test_only_answers_that_fit_their_gate_count(gate, loss, good, bad) -> None:
    plan = scripted_plan(has_gates=True)
    steps = tuple(replace(step, gate=Gate(gate, "Really?", "--flag") if step.gate else None) for step in plan.steps)
    plan = replace(plan, steps=steps, loss=loss)

    for answer, is_good in ((good, True), (bad, False), ("  ", False), (None, False)):

        async def ask(gate, step, plan, answer=answer):
            return answer

        scene = Scene(World(), plan=plan, ask=ask)
        if is_good:
            play(scene.runner().answer_all())
        else:
            with pytest.raises(Blocked):
                play(scene.runner().answer_all())


def test_a_gate_left_open_half_way_holds_the_run() -> None:
    scene = Scene(World(), plan=scripted_plan(has_gates=True))
    result = play(scene.runner().run())
    assert (result.verdict, result.is_open) == (RunVerdict.INCOMPLETE, True)
    assert scene.world.facts["db2"] == "standby"
    scene.ask = answers(name="lab")
    assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS


def test_a_verb_that_nobody_knows_is_refused() -> None:
    plan = scripted_plan()
    scene = Scene(World(), plan=replace(plan, steps=(replace(plan.steps[0], verb="dance"),)))
    with pytest.raises(UsageError, match="dance"):
        scene.runner()


def test_secrets_reach_neither_journal_nor_listeners(monkeypatch) -> None:
    from ppsconsole import masking

    monkeypatch.setattr(masking, "masker", masking.Masker())
    masking.masker.add("hunter2-secret")
    scene = Scene(World())

    async def main() -> None:
        runner = scene.runner()
        await runner.record("output", words="it is hunter2-secret", data={"deep": [{"x": "hunter2-secret"}]})
        await runner.recorder.aclose()

    play(main())
    assert "hunter2-secret" not in str(scene.records.events)


def cut(scene: Scene, kind: str, step: str) -> None:
    """Forget everything behind an event, as a console does that dies there."""
    ends = [index for index, event in enumerate(scene.records.events) if (event.kind, event.step) == (kind, step)]
    del scene.records.events[ends[-1] + 1 :]


def test_a_step_in_doubt_is_not_touched_while_it_cannot_be_seen() -> None:
    scene = Scene(World(), plan=scripted_plan("failover"))
    scene.world.faults[("stop-web", "verify")] = "unknown"
    assert play(scene.runner().run()).verdict is RunVerdict.UNKNOWN
    scene.world.faults[("stop-web", "verify")] = "unknown"
    scene.world.trace.clear()
    result = play(scene.runner().run())
    assert result.verdict is RunVerdict.UNKNOWN
    assert "cannot be seen" in result.words
    assert scene.world.trace == ["stop-web.verify"]
    scene.world.trace.clear()
    assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS
    assert scene.world.trace[:2] == ["stop-web.verify", "stop-primary.precheck"], "seen done, it is not done again"


def test_a_promotion_that_may_have_been_sent_is_never_taken_for_one_that_was_not() -> None:
    scene = Scene(World())
    play(scene.runner().run())
    cut(scene, "step-started", "promote")
    scene.world.facts.update(BEFORE, front="drained", web="stopped", db1="stopped", prove="yes")
    scene.world.faults[("promote", "precheck")] = "no"
    result = play(scene.runner().run())
    assert (result.verdict, result.is_open) == (RunVerdict.INCOMPLETE, True)
    with pytest.raises(Blocked, match="point of no return"):
        play(scene.runner().back_out("it was not, I think"))


def test_a_step_that_was_cut_off_goes_on_as_the_same_attempt_and_one_that_failed_as_another() -> None:
    scene = Scene(World(), plan=scripted_plan("failover"))
    play(scene.runner().run())
    cut(scene, "step-checked", "stop-web")
    scene.world.facts.update(BEFORE, front="drained")
    scene.world.faults[("stop-web", "act")] = "no"
    play(scene.runner().run())
    play(scene.runner().run())
    attempts = [
        event.data["attempt"] for event in scene.records.events if (event.kind, event.step) == ("step-started", "stop-web")
    ]
    assert attempts == [1, 1, 2]


def test_what_was_there_before_the_first_act_is_kept_for_the_undo() -> None:
    scene = Scene(World(), plan=scripted_plan("failover"))
    scene.world.faults[("stop-web", "verify")] = "no"
    play(scene.runner().run())
    assert replayed(scene).of("stop-web").values["was"] == "running"
    scene.world.facts["web"] = "half"
    scene.world.faults[("stop-primary", "act")] = "no"
    play(scene.runner().run())
    assert replayed(scene).of("stop-web").values == {"was": "running", "seen": "stopped"}


def test_what_an_act_notes_is_in_the_journal() -> None:
    scene = Scene(World())

    async def main() -> None:
        runner = scene.runner()
        change = scene.world.change

        def noting(fact, value, who) -> None:
            change(fact, value, who)
            runner._bench.note(scene.plan.step(who), asked_at=4.5)
            runner._bench.say("in the middle")

        scene.world.change = noting
        await runner.run()

    play(main())
    assert replayed(scene).of("promote").values == {"was": "standby", "asked_at": 4.5, "seen": "primary"}


def test_only_an_act_that_sent_nothing_did_nothing() -> None:
    stage = Stage()
    stage.enter("step", 1)
    refused, other = Unreachable("no route"), Unreachable("the database closed the connection")
    stage.refused = refused
    assert stage.shows_nothing_done(refused)
    assert stage.shows_nothing_done(BastionDown("down"))
    assert not stage.shows_nothing_done(other)
    assert not stage.shows_nothing_done(TimedOut("late"))
    stage.sent = 1
    assert not stage.shows_nothing_done(refused)
    assert not stage.shows_nothing_done(BastionDown("down"))


def test_a_copy_that_may_lack_its_last_record_is_looked_at_first() -> None:
    scene = Scene(World())
    play(scene.runner().run())
    cut(scene, "step-finished", "prove")
    acts = len(scene.world.acts)

    async def main():
        runner = scene.runner()
        await runner.look_ahead()
        assert runner.state.of("promote").phase == "started"
        return await runner.run()

    assert play(main()).verdict is RunVerdict.SUCCESS
    assert "promote" not in scene.world.acts[acts:]
    scene = Scene(World())
    scene.world.faults[("drain", "precheck")] = "no"

    async def fresh():
        runner = scene.runner()
        await runner.look_ahead()
        return runner.state.of("drain").phase

    assert play(fresh()) == "pending"


@pytest.mark.parametrize("hiding", [(), ("set",)])
def test_what_would_hide_how_the_step_before_ended_waits_until_that_is_copied(monkeypatch, hiding) -> None:
    monkeypatch.setattr("ppsconsole.engine.runner.HIDING", hiding)
    scene, waits = Scene(World()), list[bool]()

    class Copying(Custodian):
        async def settle(self, *, is_whole: bool = False) -> None:
            waits.append(is_whole)

    scene.custody = Copying()
    assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS
    assert set(waits) == {bool(hiding)}
