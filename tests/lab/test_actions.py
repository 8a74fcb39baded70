"""Each verb on a real lab: done, seen in the world, and put back."""

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from ppsconsole.actions.members import rewritten
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.actions.service_command import service_command
from ppsconsole.errors import BadAnswer, Blocked, DriverError, TimedOut
from ppsconsole.inventory.load import load
from ppsconsole.inventory.model import FenceCommand, Inventory, Service
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.lab.processes import working_below
from ppsconsole.plan.proof import FenceProof, Rung
from ppsconsole.plan.step import Step
from tests.lab.acting import Acting, Writer, acting, run, step
from tests.lab.conftest import Lab, running_lab

SERVICES = {"web": "pps", "database": "db", "balancer": "nginx"}


@pytest.fixture(scope="module")
def acted_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("acted")) as lab:
        yield lab


@pytest.fixture
def whole(acted_lab: Lab) -> Iterator[Lab]:
    """The lab of this module, healed after the test."""
    yield acted_lab
    # A lab leaves alone what is disabled: a test that failed half-way must not take the others with it.
    for node in acted_lab.nodes().values():
        if not node["is_enabled"]:
            acted_lab.ssh(node["host"], f"{SERVICES[node['kind']]}-service enable")
    if any(node["faults"] or node["complaint"] or node["state"] != "running" for node in acted_lab.nodes().values()):
        acted_lab.heal()


def with_changes(doing: Acting, **changes: object) -> Inventory:
    doing.bench.inventory = replace(doing.bench.inventory, **changes)  # type: ignore[arg-type]
    return doing.bench.inventory


# --- services ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("node", ["pps2", "db2", "lb1"])
def test_a_service_is_stopped_disabled_and_put_back(whole: Lab, node: str) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            stopped = await doing.do("stop", node)
            assert "stopped" in stopped.words
            assert whole.nodes()[node]["state"] == "stopped"
            await doing.do("disable", node)
            assert whole.nodes()[node]["is_enabled"] is False
            refused = await ACTIONS["start"].precheck(doing.bench, step("start", node))
            assert (refused.state, "disabled" in refused.words) == ("no", True)
            await doing.undo("disable", node)
            await doing.undo("stop", node)
            assert whole.nodes()[node]["state"] == "running"
            assert whole.nodes()[node]["is_enabled"] is True
            # A second time changes nothing, and is not taken back either.
            await doing.do("start", node)
            await doing.undo("start", node)
            assert whole.nodes()[node]["state"] == "running"

    run(main())


def test_commands_are_stable_and_name_their_host(whole: Lab) -> None:
    inventory = load(str(whole.inventory))
    cases: list[tuple[Step, tuple[str, ...]]] = [
        (step("stop", "pps1"), ("web1$ pps-service stop",)),
        (step("enable", "db1"), ("db1$ db-service enable",)),
        (step("checkpoint", "db1"), ("db1=> CHECKPOINT",)),
        (step("switch-database", "pps2", arguments={"instance": "db2"}), ("web2$ pps-connection set db2",)),
        (step("fence", "db1", arguments={"rung": "quiesced"}), ()),
    ]
    for made, expected in cases:
        assert ACTIONS[made.verb].commands(inventory, made) == expected
    for verb, node, arguments, hosts in (
        ("stop-primary", "db1", {}, {"db1"}),
        ("promote", "db2", {"primary": "db1"}, {"db2"}),
        ("follow", "db1", {"primary": "db2"}, {"db1", "db2"}),  # the slot that nobody reads any more is on the other one
        ("drain", "lb1", {}, {"lb1"}),
        ("move-members", "lb1", {"up": "pps2", "down": "pps1"}, {"lb1"}),
        ("fence", "db1", {"rung": "kept-down", "kill": "yes"}, {"db1"}),
        ("quarantine", "db1", {}, {"db1"}),
    ):
        made = step(verb, node, arguments=arguments)
        told = ACTIONS[verb].commands(inventory, made)
        assert told == ACTIONS[verb].commands(load(str(whole.inventory)), made)
        assert told
        assert {line.partition("$ ")[0] for line in told} == hosts
        assert not any("\n" in line for line in told), told


@pytest.mark.parametrize("kind", ["windows-service", "iis-app-pool"])
def test_services_that_are_not_supported_are_said_to_be(kind: str) -> None:
    with pytest.raises(Blocked, match="not supported yet"):
        service_command(Service(kind, name="PPS"), "stop", "pps1")  # type: ignore[arg-type]


def test_a_unit_name_cannot_become_a_command() -> None:
    assert service_command(Service("systemd", name="a; reboot"), "stop", "x") == "sudo -n systemctl stop -- 'a; reboot'"
    assert service_command(Service("command", program="/opt/my svc"), "start", "x") == "'/opt/my svc' start"


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_foreign_sessions_are_told_and_ended(whole: Lab) -> None:
    async def main(writer: Writer) -> None:
        async with acting(whole) as doing:
            found = await doing.do("end-sessions", "db1")
            listed = " ".join(doing.said)
            assert "writer" in listed
            assert "as pps" in listed
            assert found.values["left"] == 0
            writer.wait_for(5)  # it came back by itself

    with Writer(whole) as writer:
        run(main(writer))


def test_an_account_without_the_right_does_not_end_sessions(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            made = step("end-sessions", "db1")
            doing.add(made)
            pool = doing.bench.tools.postgres
            real = pool.execute

            async def without_right(instance, sql, *, timeout_s, parameters=()):  # type: ignore[no-untyped-def]
                if "pg_terminate_backend" in sql:
                    sql = "SELECT pg_read_file('postgresql.conf')"  # something that this account may not do either
                return await real(instance, sql, timeout_s=timeout_s, parameters=parameters)

            pool.execute = without_right
            with pytest.raises(BadAnswer, match="GRANT pg_signal_backend"):
                await ACTIONS["end-sessions"].act(doing.bench, made)

    run(main())


def test_connections_are_checked_on_both_databases(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            found = await doing.do("check-connections", "pps1", arguments={"instance": "db1"})
            assert found.values["sessions"]["db2"] == 0
            assert found.values["sessions"]["db1"] > 0
            made = step("check-connections", "pps1", arguments={"instance": "db2"}, timeout_s=1.0)
            wrong = await ACTIONS["check-connections"].verify(doing.bench, made)
            assert wrong.state == "no"
            assert "on db1" in wrong.words

    run(main())


def test_a_statement_that_hangs_ends_with_the_console_s_deadline(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            instance = doing.bench.inventory.database.instances["db1"]
            pool = doing.bench.tools.postgres
            with pytest.raises(TimedOut):
                await pool.execute(instance, "SELECT pg_sleep(600)", timeout_s=0.5)
            running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %s AND state = 'active' AND pid <> pg_backend_pid()"
            while await pool.execute(instance, running, timeout_s=60, parameters=("SELECT pg_sleep%",)) != [(0,)]:
                continue  # the server was told to end it, and is at it; `run` has the deadline

    run(main())


# --- databases --------------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_seen(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            found = await doing.do("checkpoint", "db1")
            assert "/" in found.values["checkpoint_lsn"]

    run(main())


def test_a_checkpoint_is_over_where_the_server_was_stopped_cleanly_since(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            made = step("checkpoint", "db1")
            await doing.do("checkpoint", "db1")
            whole.fault("kill", "db1")
            with pytest.raises(DriverError):  # by a crash it is not known
                await ACTIONS["checkpoint"].verify(doing.bench, made)
            whole.heal("db1")
            await doing.do("stop-primary", "db1")
            found = await ACTIONS["checkpoint"].verify(doing.bench, made)
            assert found.state == "yes", found.words
            assert "not needed any more: db1 is stopped cleanly" in found.words

    run(main())


def test_a_hung_walsender_keeps_a_stop_from_its_proof_and_is_not_killed(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            whole.fault("hang", "db2")
            # Something that the walsender cannot get rid of: it waits for it until wal_sender_timeout.
            made = step("stop-primary", "db1", timeout_s=3.0)
            doing.add(made)
            found = await ACTIONS["stop-primary"].precheck(doing.bench, made)
            doing.bench.note(made, **found.values)
            await ACTIONS["stop-primary"].act(doing.bench, made)
            seen = await ACTIONS["stop-primary"].verify(doing.bench, made)
            assert seen.state in ("yes", "no")
            if seen.state == "no":
                assert "waits for" in seen.words
                assert seen.proofs == ()
            undone = replace(made, timeout_s=40.0)
            await ACTIONS["stop-primary"].undo(doing.bench, undone)
            back = await ACTIONS["stop-primary"].verify_undone(doing.bench, undone)
            assert back.state == "yes", back.words
            assert seen.state == "no", "the walsender did not hang: the test shows nothing"

    run(main())


def test_who_holds_a_stop_up_is_told_while_it_waits_and_the_stop_ends_when_that_one_goes_on(whole: Lab) -> None:
    settings = f"{whole.home('db1')}/data/postgresql.auto.conf"
    reload = f"{whole.state['postgres']['bin']}/pg_ctl reload -s -D {whole.home('db1')}/data"
    whole.ssh("db1", f"cp -p {settings} {settings}.kept; echo wal_sender_timeout=0 >>{settings}; {reload}")

    async def main() -> None:
        async with acting(whole) as doing:
            made = step("stop-primary", "db1", timeout_s=90.0)
            doing.add(made)
            found = await ACTIONS["stop-primary"].precheck(doing.bench, made)
            doing.bench.note(made, **found.values)
            await asyncio.to_thread(whole.fault, "hang", "db2")
            stopping = asyncio.ensure_future(ACTIONS["stop-primary"].act(doing.bench, made))
            while not any("db1 is stopping, waits for db2 to take the last of its log" in each for each in doing.said):
                assert not stopping.done(), doing.said
                await asyncio.sleep(0.05)
            assert any("for ever where that is 0" in each for each in doing.said)
            assert not any("-KILL" in command or "immediate" in command for _, command in doing.hosts.acted)
            thawed(whole, "db2")
            await stopping
            seen = await ACTIONS["stop-primary"].verify(doing.bench, made)
            assert (seen.state, [proof.rung for proof in seen.proofs]) == ("yes", [Rung.CLEAN_STOP]), seen.words
            await ACTIONS["stop-primary"].undo(doing.bench, made)
            back = await ACTIONS["stop-primary"].verify_undone(doing.bench, made)
            assert back.state == "yes", back.words

    try:
        run(main())
    finally:
        whole.ssh("db1", f"mv {settings}.kept {settings}; {reload}")


def thawed(lab: Lab, node: str) -> None:
    """Let a hung node go on, though it has no primary to follow meanwhile: the lab's own healing would wait for one."""
    for pid in working_below(str(lab.home(node) / "data")):
        os.kill(pid, signal.SIGCONT)


def test_zero_loss_is_not_proved_while_the_standby_lags(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            await doing.do("stop", "db2")
            await doing.do("stop-primary", "db1")
            made = step("prove-zero-loss", "db2", arguments={"primary": "db1"}, timeout_s=2.0)
            doing.add(made)
            assert (await ACTIONS["prove-zero-loss"].verify(doing.bench, made)).state == "unknown"
            await doing.undo("stop", "db2")
            found = await ACTIONS["prove-zero-loss"].verify(doing.bench, made)
            assert found.state == "no", found.words
            assert found.proofs == ()
            await doing.undo("stop-primary", "db1")

    run(main())


def test_a_killed_primary_is_kept_down_by_a_fence_and_let_go_again(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            alive = step("fence", "db1", arguments={"rung": "kept-down"})
            assert (await ACTIONS["fence"].verify(doing.bench, alive)).state == "no"
            whole.fault("kill", "db1")
            clean = await ACTIONS["fence"].verify(
                doing.bench, step("fence", "db1", arguments={"rung": "clean-stop"}, timeout_s=1)
            )
            assert clean.state == "no"
            assert "in production" in clean.words
            found = await doing.do("fence", "db1", arguments={"rung": "kept-down"})
            (proof,) = found.proofs
            assert isinstance(proof, FenceProof)
            assert (proof.rung, len(proof.evidence)) == (Rung.KEPT_DOWN, 3)
            await doing.undo("fence", "db1")
            assert whole.nodes()["db1"]["is_enabled"] is True

    run(main())


def test_a_frozen_primary_is_fenced_only_by_killing_it(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            whole.fault("hang", "db1")
            await doing.do("fence", "db1", arguments={"rung": "kept-down"}, timeout_s=4.0, expect="no")
            found = await doing.do("fence", "db1", arguments={"rung": "kept-down", "kill": "yes"}, timeout_s=12.0)
            assert [proof.rung for proof in found.proofs] == [Rung.KEPT_DOWN]
            await doing.do("enable", "db1")

    run(main())


def test_a_fence_command_is_believed_only_when_its_verify_command_says_off(whole: Lab, tmp_path: Path) -> None:
    switch = tmp_path / "fence"
    # A power switch whose `off` always reports success; whether it is off is what the file says.
    (tmp_path / "power").write_text("on\n")
    switch.write_text(f'#!/bin/sh\n[ "$1" = off ] || echo "Power is $(cat {tmp_path}/power)"\n')
    switch.chmod(0o755)

    async def main() -> None:
        async with acting(whole) as doing:
            fence = FenceCommand((str(switch), "off"), (str(switch), "status"), "Power is off", timeout_s=1.0)
            group = doing.bench.inventory.database
            instances = {**group.instances, "db1": replace(group.instances["db1"], fence=fence)}
            with_changes(doing, database=replace(group, instances=instances))
            arguments = {"rung": "fence-command", "why": "its host is gone", "after": "The next rung is quiesced"}
            found = await doing.do("fence", "db1", expect="no", arguments=arguments)
            assert "said: Power is on; off would be 0 and 'Power is off'. The next rung is quiesced" in found.words
            assert found.proofs == ()
            assert doing.hosts.acted == [("console", f"{switch} off")]
            # It says off, and the database answers: another machine was switched off.
            (tmp_path / "power").write_text("off\n")
            found = await doing.do("fence", "db1", expect="no", arguments=arguments)
            assert "and yet db1 takes connections: another machine was switched off" in found.words
            await asyncio.to_thread(whole.fault, "kill", "db1")
            found = await doing.do("fence", "db1", arguments=arguments)
            assert [proof.rung for proof in found.proofs] == [Rung.FENCE_COMMAND]
            assert "by this rung because: its host is gone" in found.proofs[0].evidence  # type: ignore[union-attr]
            # A verify command that cannot be run: the rung is not tried at all.
            switch.unlink()
            refused = await ACTIONS["fence"].precheck(doing.bench, step("fence", "db1", arguments=arguments))
            assert (refused.state, "could not be verified" in refused.words) == ("no", True)

    run(main())


def test_writers_are_quiet_only_when_all_are_stopped_and_disabled(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            quiet = step("fence", "db1", arguments={"rung": "quiesced"})
            found = await ACTIONS["fence"].verify(doing.bench, quiet)
            assert found.state == "no"
            for web in ("pps1", "pps2"):
                await doing.do("stop", web)
                await doing.do("disable", web)
            found = await ACTIONS["fence"].verify(doing.bench, quiet)
            assert found.state == "yes"
            assert len(found.proofs[0].evidence) == 4  # type: ignore[union-attr]
            whole.fault("disconnect", "pps2")
            found = await ACTIONS["fence"].verify(doing.bench, quiet)
            assert found.state == "no"
            assert "pps2 cannot be seen" in found.words
            whole.command("heal", "pps2", "--dir", str(whole.folder))  # complains: it stays stopped
            for web in ("pps2", "pps1"):
                await doing.undo("disable", web)
                await doing.undo("stop", web)

    run(main())


def test_a_statement_is_a_proof_only_when_somebody_typed_it(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            stated = step("fence", "db1", arguments={"rung": "attested"})
            assert (await ACTIONS["fence"].precheck(doing.bench, stated)).state == "no"
            assert (await ACTIONS["fence"].verify(doing.bench, stated)).proofs == ()
            doing.bench.answers[stated.id] = "I switched db1 off at the PDU, 03:12"
            found = await doing.do("fence", "db1", arguments={"rung": "attested"})
            assert found.proofs[0].evidence == ("I switched db1 off at the PDU, 03:12",)  # type: ignore[union-attr]
            assert doing.hosts.acted == []

    run(main())


def test_quarantine_keeps_an_old_primary_from_being_started(whole: Lab) -> None:
    marker = whole.home("db1") / "data.quarantine"

    async def main() -> None:
        async with acting(whole) as doing:
            whole.fault("kill", "db1")
            await doing.do("quarantine", "db1")
            assert "run run-1 of lab" in marker.read_text()
            await doing.do("enable", "db1")
            for verb in ("start", "restart-service"):
                found = await ACTIONS[verb].precheck(doing.bench, step(verb, "db1"))
                assert (found.state, "quarantine" in found.words) == ("no", True)
            await doing.undo("quarantine", "db1")
            assert not marker.exists()
            assert marker.with_name("data.quarantine.lifted").exists()

    run(main())


def test_a_killed_primary_is_restarted_as_what_it_was(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            whole.fault("kill", "db1")
            found = await doing.do("restart-service", "db1")
            assert "primary on timeline 1" in found.words

    run(main())


def test_a_database_is_not_restarted_while_another_one_cannot_be_asked(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            whole.fault("kill", "db1")
            whole.fault("disconnect", "db2")
            unseen = await ACTIONS["restart-service"].precheck(doing.bench, step("restart-service", "db1"))
            assert unseen.state == "unknown"
            assert "db2" in unseen.words

    run(main())


def test_a_primary_that_was_killed_does_not_just_follow(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            whole.fault("kill", "db2")
            made = step("follow", "db2", arguments={"primary": "db1"})
            found = await ACTIONS["follow"].precheck(doing.bench, made)
            assert found.state == "no"
            assert "not stopped cleanly" in found.words

    run(main())


# --- web nodes and balancer -------------------------------------------------------------------------------------------


def test_a_web_node_is_pointed_at_another_database_and_back(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            found = await doing.do("switch-database", "pps2", arguments={"instance": "db2"})
            assert found.values["now"] == "db2"
            assert '"host": "db2"' in (whole.home("web2") / "etc" / "connection.json").read_text()
            await doing.undo("switch-database", "pps2")
            assert '"host": "db1"' in (whole.home("web2") / "etc" / "connection.json").read_text()

    run(main())


def test_a_switch_by_hand_is_unknown_until_somebody_states_it(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            web_node = doing.bench.inventory.web_nodes["pps2"]
            manual = replace(web_node, switch=replace(web_node.switch, method="manual"))
            with_changes(doing, web_nodes=MappingProxyType({**doing.bench.inventory.web_nodes, "pps2": manual}))
            found = await doing.do("switch-database", "pps2", arguments={"instance": "db2"}, expect="unknown")
            assert "Service Configuration" in found.words
            assert whole.address("db2") in found.words
            doing.bench.answers["switch-database-pps2"] = "done, db2 is set"
            await doing.do("switch-database", "pps2", arguments={"instance": "db2"})
            assert doing.hosts.acted == []

    run(main())


def test_users_are_drained_moved_and_put_back(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            include = whole.home("lb1") / "etc" / "upstream.conf"
            before = include.read_text()
            drained = await doing.do("drain", "lb1")
            assert "502" in drained.words
            assert include.read_text().count(" down;") == 2
            assert "keepalive 8;" in include.read_text()
            await doing.undo("drain", "lb1")
            assert include.read_text() == before
            moved = await doing.do("move-members", "lb1", arguments={"up": "pps2", "down": "pps1"})
            assert "HTTP 200 from pps2" in moved.words
            arguments = {"web_node": "pps2", "instance": "db1"}
            verified = await doing.do("verify-service", "lb1", arguments=arguments)
            assert "login as admin: ok" in verified.words
            wrong = step("verify-service", "lb1", arguments={**arguments, "web_node": "pps1"}, timeout_s=1.0)
            assert (await ACTIONS["verify-service"].verify(doing.bench, wrong)).state == "no"
            await doing.undo("move-members", "lb1")
            assert include.read_text() == before

    run(main())


def test_a_file_that_nginx_does_not_accept_is_put_back(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            include = whole.home("lb1") / "etc" / "upstream.conf"
            before = include.read_text()
            config = whole.home("lb1") / "etc" / "nginx.conf"
            sound = config.read_text()
            made = step("move-members", "lb1", arguments={"up": "pps2", "down": "pps1"})
            try:
                config.write_text(sound.replace("worker_processes 1;", "worker_processes one;"))
                with pytest.raises(BadAnswer, match="the old one is back"):
                    await ACTIONS["move-members"].act(doing.bench, made)
                assert include.read_text() == before
            finally:
                config.write_text(sound)
            assert (await ACTIONS["move-members"].verify(doing.bench, replace(made, timeout_s=1.0))).state == "no"

    run(main())


def test_the_service_is_verified_by_a_login_where_an_account_is_declared(whole: Lab) -> None:
    async def main() -> None:
        async with acting(whole) as doing:
            web_nodes = doing.bench.inventory.web_nodes
            for secret, state in ((whole.folder / "admin.password", "yes"), (whole.folder / "database.password", "no")):
                known = replace(web_nodes["pps1"], account="admin", account_password=SecretRef("file", str(secret)))
                with_changes(doing, web_nodes=MappingProxyType({**web_nodes, "pps1": known}))
                made = step("verify-service", "cluster", arguments={"web_node": "pps1", "instance": "db1"})
                found = await ACTIONS["verify-service"].verify(doing.bench, made)
                assert found.state == state, found.words
                assert found.values["login"] == {"pps1": "ok" if state == "yes" else "failed"}
                assert secret.read_text().strip() not in found.words

    run(main())


def test_an_include_file_is_rewritten_and_nothing_else_in_it() -> None:
    text = (
        "# server 10.0.0.1:1;\n"
        "upstream pps { server 10.0.0.1:1 weight=2 max_fails=1; server 10.0.0.2:1 backup; # old: server 10.0.0.2:1;\n"
        "  server 10.0.0.3:1\tdown;\n  keepalive 8; }\n"
    )
    new = rewritten(text, {"10.0.0.1:1": False, "10.0.0.2:1": True})
    assert new == (
        "# server 10.0.0.1:1;\n"
        "upstream pps { server 10.0.0.1:1 weight=2 max_fails=1 down; server 10.0.0.2:1; # old: server 10.0.0.2:1;\n"
        "  server 10.0.0.3:1\tdown;\n  keepalive 8; }\n"
    )
    assert rewritten(new, {"10.0.0.1:1": False, "10.0.0.2:1": True}) == new
    with pytest.raises(BadAnswer, match="0 servers"):
        rewritten(text, {"10.0.0.9:1": True})
    with pytest.raises(BadAnswer, match="2 servers"):
        rewritten("upstream a { server x:1; } upstream b { server x:1; }", {"x:1": True})
