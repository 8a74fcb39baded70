"""In which manner a plan can be done: what the facts bar is listed with its reason, and each is what a command would ask for."""

from dataclasses import replace

from ppsconsole.advice.choices import Choice, choices, request_of
from ppsconsole.advice.manners import manners
from ppsconsole.advice.ways import Way
from ppsconsole.cluster.copies import Offered
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.building import NOTHING_KNOWN, Background
from ppsconsole.runbooks.request import Request
from tests.unit import alternate_cases as alternates
from tests.unit.alternate_cases import BUNDLE, COPY, NEWER, NEWER_OFFER, OFFER, beside, lost
from tests.unit.observations import change, silence
from tests.unit.runbook_cases import Found, declared, fine, plan, seen, three, with_third
from tests.unit.test_rejoin import CLEAN, CRASHED, made
from tests.unit.test_restore_plan import failed_over, two_servers, with_dumps


def offered(found: Found, of: Plan, request: Request, inventory=None) -> dict[str, Choice]:
    inventory = inventory or declared()
    return {each.title: each for each in manners(of, request, seen(found, inventory), inventory, NOTHING_KNOWN)}


def test_a_rejoin_offers_its_ways_as_its_plan_found_them() -> None:
    request = Request("rejoin", node="db1")
    ways = offered(failed_over(), made(CRASHED), request)
    assert list(ways) == ["rejoin db1 --way follow", "rejoin db1 --way rewind", "rejoin db1 --way re-clone"]
    follow, rewind, clone = ways.values()
    assert (follow.is_blocked, follow.words) == (True, 'it was not stopped cleanly: its control file says "in production"')
    assert (rewind.is_blocked, rewind.is_advised, rewind.words.startswith("planned now; pg_rewind takes")) == (False, True, True)
    assert (clone.is_blocked, clone.is_advised) == (False, False)
    assert clone.request == replace(request, way="re-clone")
    chosen = offered(failed_over(), made(CRASHED, way="re-clone"), clone.request)
    assert [each.words.startswith("planned now") for each in chosen.values()] == [False, False, True]
    assert [each.is_advised for each in chosen.values()] == [False, True, False], "the cheapest, whatever is planned"
    assert offered(failed_over(), made(CLEAN), request)["rejoin db1 --way follow"].is_advised


def test_a_fence_offers_only_what_ends_a_server_that_runs() -> None:
    found = two_servers()
    rungs = offered(found, plan(found, "fence", "db1"), Request("fence", node="db1"))
    assert list(rungs) == ["fence db1 --fence kept-down", "fence db1 --fence fence-command"]
    kept, command = rungs.values()
    assert (kept.is_advised, kept.is_blocked) == (True, False)
    assert command.is_blocked
    assert "no `fence` is declared for db1" in command.words


def test_a_restore_offers_whose_data_to_copy() -> None:
    inventory = with_dumps(three())
    found = with_third(two_servers(), in_recovery=True)
    of = plan(found, "restore", to="db1", inventory=inventory)
    sources = offered(found, of, Request("restore", node="db2", to="db1"), inventory)
    assert list(sources) == ["restore --from db2 --to db1", "restore --from db3 --to db1"]
    db2, db3 = sources.values()
    assert (db2.is_blocked, db2.is_advised, db2.request) == (False, True, Request("restore", node="db2", to="db1"))
    assert db3.is_blocked
    assert "db3 does not answer as a primary" in db3.words


def test_where_several_have_data_each_is_offered_as_what_to_restore_from() -> None:
    inventory = with_dumps(three())
    found = with_third(two_servers())
    silence(found, "db3", "refused")
    change(found, "db3", service="stopped", control_state="shut down", control_timeline=1)
    ways = {each.title: each for each in choices((), seen(found, inventory), inventory, NOTHING_KNOWN)}
    assert ways["restore --from db1 --to db3"].request == Request("restore", node="db1", to="db3")
    assert "restore --from db2 --to db3" in ways
    assert "restore --to db3" not in ways, "it would leave the choice open"
    assert "restore --to db1" in ways


def test_an_alternate_server_offers_its_bundles_the_newest_first_and_those_that_cannot_be_had() -> None:
    inventory = alternates.declared()
    damaged = replace(OFFER, bundle="damaged", trouble="its manifest cannot be read")
    foreign = replace(OFFER, bundle="x", cluster="y")
    background = Background(offered=(OFFER, NEWER_OFFER, damaged, foreign, Offered("", "", 0.0, trouble="nobody looked")))
    found = beside(fine())
    of = plan(found, "alternate-prepare", "alt1", background, inventory=inventory)
    request = Request("alternate-prepare", node="alt1")
    bundles = offered(found, of, request, inventory)
    title = f"alternate-prepare alt1 --bundle {NEWER}"
    assert next(iter(bundles)) == title
    assert set(bundles) == {f"alternate-prepare alt1 --bundle {name}" for name in (NEWER, BUNDLE, "damaged", "x")}
    newest, older = bundles[title], bundles[f"alternate-prepare alt1 --bundle {BUNDLE}"]
    assert (newest.is_advised, newest.words.startswith("planned now; taken ")) == (True, True)
    assert (older.is_advised, older.is_blocked, older.request) == (False, False, replace(request, bundle=BUNDLE))
    barred = [each.words for each in bundles.values() if each.is_blocked]
    assert barred == ["its manifest cannot be read", "it is of cluster y"]
    again = plan(found, "alternate-prepare", "alt1", background, inventory=inventory, bundle=BUNDLE)
    told = offered(found, again, older.request, inventory)
    assert [each.words.startswith("planned now") for each in told.values()][:2] == [False, True]
    assert request_of(Way("alternate-prepare", f"ppsconsole run {older.title}", None, "")) == older.request


def test_an_activation_offers_what_the_server_holds_and_what_its_archive_has() -> None:
    inventory, found = alternates.declared(), lost(COPY)
    of = plan(found, "alternate-activate", "alt1", Background(offered=(OFFER, NEWER_OFFER)), inventory=inventory)
    bundles = offered(found, of, Request("alternate-activate", node="alt1"), inventory)
    assert [each.request.bundle for each in bundles.values()] == [NEWER, BUNDLE]
    assert "alt1 holds it verified" in bundles[f"alternate-activate alt1 --bundle {BUNDLE}"].words


def test_what_is_done_in_one_manner_only_offers_none() -> None:
    assert offered(failed_over(), replace(made(CRASHED), runbook="lost-writes"), Request("lost-writes", node="db1")) == {}
