"""How long steps take on this cluster, learned from its earlier runs."""

from collections import defaultdict
from statistics import median

from ppsconsole.engine.journal import Journal
from ppsconsole.runbooks.copy_costs import rate_of, worked_through
from ppsconsole.runbooks.costs import Estimates

RUNS = 30
"""How many of the latest runs are looked at: a cluster that has grown forgets how fast it was."""


def learned(journal: Journal, cluster: str) -> Estimates:
    """Return the median duration in seconds of steps that were done on `cluster`, by their verb.

    Steps that were found done on resuming, or marked so, say nothing about durations and are left out. A verb that was
    never done is missing: then the runbook's own estimate stands. Of verbs that work through a whole database it is told how
    fast they did: such a database grows.

    Raises:
        JournalError: The journal cannot be read.
    """
    took: dict[str, list[float]] = defaultdict(list)
    copied: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for record in journal.runs(cluster, RUNS):
        started: dict[str, int] = defaultdict(int)
        for event in journal.events(record.id):
            if event.kind == "step-started":
                started[event.step] += 1
            elif event.kind == "step-finished" and event.data.get("outcome") == "done" and started[event.step] == 1:
                verb, took_s = str(event.data["verb"]), float(event.data["took_s"])
                if not took_s:
                    continue  # it was only looked at: on the operator's word, or as its run went back
                took[verb].append(took_s)
                size_bytes = worked_through(verb, event.data.get("values") or {})
                if size_bytes is not None:
                    copied[verb].append((size_bytes, took_s))
    rates = {verb: rate for verb, each in copied.items() if (rate := rate_of(each)) is not None}
    counts = {verb: len(each) for verb, each in took.items()}
    return Estimates({verb: median(each) for verb, each in took.items()}, counts, rates)
