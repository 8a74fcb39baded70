"""A whole switchover by calling the actions in order, there and back; and what has to be refused."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ppsconsole.actions.registry import ACTIONS
from ppsconsole.errors import Blocked, WorldMoved
from ppsconsole.plan.plan import Identity
from ppsconsole.plan.proof import Rung
from tests.lab.acting import Acting, Writer, acting, run, step
from tests.lab.conftest import Lab, running_lab


@pytest.fixture(scope="module")
def moving_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that the tests of this module leave in another state than they found it."""
    with running_lab(tmp_path_factory.mktemp("moving")) as lab:
        yield lab


async def switch_over(doing: Acting, old: str, new: str, old_web: str, new_web: str) -> None:
    fence = {"primary": old}
    await doing.do("drain", "lb1")
    for web in (old_web, new_web):
        await doing.do("stop", web)
    await doing.do("disable", old_web)
    await doing.do("enable", new_web)
    await doing.do("end-sessions", old)
    await doing.do("checkpoint", old)
    await doing.do("disable", old)
    stopped = await doing.do("stop-primary", old)
    assert [proof.rung for proof in stopped.proofs] == [Rung.CLEAN_STOP]
    proved = await doing.do("prove-zero-loss", new, arguments=fence)
    assert len(proved.proofs) == 1
    promoted = await doing.do("promote", new, arguments=fence, needs=("fence", "zero-loss"))
    assert promoted.values["timeline"] == stopped.values["timeline"] + 1
    assert 0 < promoted.values["promoted_after_s"] < 10
    await doing.do("switch-database", new_web, arguments={"instance": new})
    await doing.do("start", new_web)
    await doing.do("check-connections", new_web, arguments={"instance": new})
    await doing.do("move-members", "lb1", arguments={"up": new_web, "down": old_web})
    verified = await doing.do("verify-service", new, arguments={"web_node": new_web, "instance": new})
    assert verified.values["login"] == {new_web: "ok"}
    await doing.do("enable", old)
    second = await ACTIONS["restart-service"].precheck(doing.bench, step("restart-service", old))
    assert (second.state, "would make a second one" in second.words) == ("no", True)
    followed = await doing.do("follow", old, arguments={"primary": new})
    assert "without a rewind" in followed.words


def test_a_switchover_there_and_back_loses_no_acknowledged_write(moving_lab: Lab) -> None:
    async def main(writer: Writer) -> None:
        for names in (("db1", "db2", "pps1", "pps2"), ("db2", "db1", "pps2", "pps1")):
            async with acting(moving_lab) as doing:
                writer.longest_gap_s = 0.0
                await switch_over(doing, *names)
                writer.wait_for(20)
                print(f"{names[0]} -> {names[1]}: outage {writer.longest_gap_s * 1000:.0f} ms")

    with Writer(moving_lab) as writer:
        run(main(writer))
    stored = writer.stored()
    assert len(writer.acknowledged) > 100
    assert set(writer.acknowledged) <= stored


def test_promotion_without_a_proof_is_refused(moving_lab: Lab) -> None:
    async def main() -> None:
        async with acting(moving_lab) as doing:
            promote = step("promote", "db2", arguments={"primary": "db1"}, needs=("fence",))
            found = await ACTIONS["promote"].precheck(doing.bench, promote)
            assert found.state == "no"
            assert "no fence proof for db1" in found.words
            with pytest.raises(Blocked, match="db1 is not fenced"):
                await ACTIONS["promote"].act(doing.bench, promote)
            assert doing.hosts.acted == []

    run(main())


def test_a_stop_meant_for_another_system_touches_nothing(moving_lab: Lab) -> None:
    async def main() -> None:
        async with acting(moving_lab) as doing:
            true = doing.hosts.identities["db1"]
            other = {name: getattr(true, name) for name in Identity.__slots__} | {"system_identifier": "7000000000000000001"}
            doing.hosts.identities["db1"] = Identity(**other)
            stop = step("stop-primary", "db1")
            with pytest.raises(WorldMoved):
                await ACTIONS["stop-primary"].act(doing.bench, stop)
            assert moving_lab.nodes()["db1"]["state"] == "running"
            found = await ACTIONS["stop-primary"].verify(doing.bench, stop)
            assert found.state == "no"
            assert found.proofs == ()

    run(main())


def test_a_stop_of_a_primary_is_undone(moving_lab: Lab) -> None:
    async def main() -> None:
        async with acting(moving_lab) as doing:
            await doing.do("disable", "db1")
            await doing.do("stop-primary", "db1")
            back = await doing.undo("stop-primary", "db1")
            assert "primary" in back.words
            await doing.undo("disable", "db1")
            again = await ACTIONS["stop-primary"].verify(doing.bench, step("stop-primary", "db1"))
            assert again.state == "no"

    run(main())


def test_an_old_primary_is_not_started_beside_one_that_was_promoted_meanwhile(moving_lab: Lab) -> None:
    async def main() -> None:
        async with acting(moving_lab) as doing:
            doing.bench.plan = replace(doing.bench.plan, to="db1")
            with pytest.raises(Blocked, match="db1 is a primary: starting db2 would make a second one"):
                await ACTIONS["stop-primary"].undo(doing.bench, step("stop-primary", "db2"))
            assert doing.hosts.acted == []

    run(main())
