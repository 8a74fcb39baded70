"""The report of a run in each of its forms: lost writes and what was salvaged stand in all, and no host's words become markup."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from ppsconsole.cluster.lost_writes import LostTransaction, LostWrites
from ppsconsole.draw.run_view import Outage, RunView, StepView
from ppsconsole.draw.text import UNICODE, line_text
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.proof import FenceProof, Rung, ZeroLossProof
from ppsconsole.reports.document import document_of
from ppsconsole.reports.html import report_html
from ppsconsole.reports.text import report_lines, report_markdown
from tests.unit.runbook_cases import killed, plan
from tests.unit.snapshots import AT

EVIL = "<script>alert(1)</script> & `rm` | *x*"
PLAN = plan(killed(), "failover", to="db2")
LOST = LostWrites(
    "db1", 1, "0/3000060", "0/3000128", 1, 0, "/data/db1.lost-writes-1-0_3000060",
    (LostTransaction(771, "0/30000F8", AT, 3, 200, ("public.credentials",)),),
)  # fmt: skip
PROOFS = (
    FenceProof("db1", Rung.KEPT_DOWN, ("the service of db1 is disabled",), AT, "4711abcd"),
    ZeroLossProof("db1", "db2", "", "0/3000128", 1, AT, "4711abcd", "0/3000128"),
)
EVENTS = (RunEvent("4711abcd", 1, AT, "output", "salvage", EVIL),)
TAKEN = {"salvage": ("done", "db2 has everything that db1 wrote")}


def view(lost: LostWrites | None = LOST) -> RunView:
    steps = tuple(StepView(step.id, *TAKEN.get(step.id, ("done", "")), took_s=1.5) for step in PLAN.steps)
    return replace(
        RunView("4711abcd", PLAN, True, f"anna {EVIL}", AT - 60, AT, steps, proofs=PROOFS), lost=lost, issues=(f"odd: {EVIL}",)
    )


def forms(of: RunView) -> dict[str, str]:
    return {
        "text": " ".join(" ".join(line_text(line) for line in report_lines(of, EVENTS, AT, 200, UNICODE)).split()),
        "markdown": report_markdown(of, EVENTS, AT).replace("\\", ""),
        "html": report_html(of, EVENTS, AT),
        "json": json.dumps(document_of(of, EVENTS, AT)),
    }


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_each_form_has_what_was_lost_what_was_salvaged_and_by_what_that_was_proved(form: str) -> None:
    told = forms(view())[form]
    for words in ("public.credentials", "/data/db1.lost-writes-1-0_3000060", "kept-down", "0/3000128"):
        assert words in told, words
    assert "Bring what only the disk of db1 has to db2" in told
    assert "4711abcd" in told
    assert "public.credentials" not in forms(view(None))[form]


@pytest.mark.parametrize(("longer_s", "words"), [(60.0, "1m00s more"), (-2.0, "2.0s less")])
def test_an_outage_that_is_over_is_counted_against_what_was_announced(longer_s: float, words: str) -> None:
    over = replace(view(), users=Outage(AT - 60.0, AT - 60.0 + PLAN.downtime_s + longer_s))
    for form in ("text", "markdown", "html"):
        assert f"were announced: {words}" in forms(over)[form], form
        assert "were announced" not in forms(replace(over, users=Outage(AT - 60.0, None)))[form]
        assert "were announced" not in forms(replace(over, users=Outage()))[form]


class Page(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onclick"}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_is_whole_loads_nothing_and_what_a_host_said_is_no_markup() -> None:
    page = Page(report_html(view(), EVENTS, AT))
    assert page.open == []
    assert "script" not in page.tags
    assert page.text.count(EVIL) == 3
    assert page.tags.count("tr") == len(PLAN.steps) + 1
    assert "(no way back from here)" in page.text


def test_markdown_escapes_what_a_host_said() -> None:
    text, _, _ = report_markdown(view(), EVENTS, AT).partition("## What happened")
    assert EVIL not in text
    assert "\\<script\\>" in text
    assert "run `4711abcd`" in text


def test_what_an_earlier_run_lost_is_not_told_as_lost_by_the_one_that_lists_it() -> None:
    failed_over, listed = (
        replace(view(), plan=replace(PLAN, loss=Loss(tier, words="so it was planned")))
        for tier in (LossTier.BOUNDED, LossTier.NONE)
    )
    assert failed_over.loss == "1 transaction (counted)"
    assert listed.loss == "none by this run; before it 1 transaction (counted)"
