"""Whether a server that was proved unable to write runs again: a proof is a look at a moment, and somebody may start it later."""

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.looks import remains
from ppsconsole.actions.standing import standing
from ppsconsole.errors import DriverError
from ppsconsole.plan.proof import FenceProof, Rung

_YOUNG_S = 3.0
"""A proof that is not older is believed as it is: nobody can write while this is looked at."""

_ASK_S = 4.0


async def risen(bench: Workbench, proof: FenceProof) -> str:
    """Return why the instance of `proof` must not be taken for fenced any more, one sentence; empty where nothing shows that.

    A run that was left for a while, or brought log for minutes, relies on what it saw before. What cannot be looked at now is
    taken as it was proved; one whose writers were quiesced runs on purpose.
    """
    instance = bench.inventory.database.instances.get(proof.instance)
    if instance is None or bench.clock.now() - proof.at <= _YOUNG_S:
        return ""
    seen = ""
    try:
        if proof.rung in (Rung.CLEAN_STOP, Rung.KEPT_DOWN):
            seen = "" if (await remains(bench, proof.instance)).is_gone else "it has processes"
        elif proof.rung in (Rung.FENCE_COMMAND, Rung.ATTESTED):
            seen = "" if (await standing(bench, proof.instance, timeout_s=_ASK_S)).in_recovery else "it answers as a primary"
    except DriverError:
        return ""
    if not seen:
        return ""
    ways = "back out, and it stays the primary; or stop it on its host, and fence it again"
    return f"{proof.instance} RUNS AGAIN: {seen}, and this run had fenced it ({proof.rung.value}). Somebody started it: {ways}"
