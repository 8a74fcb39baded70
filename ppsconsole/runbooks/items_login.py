"""Preflight: would the old primary, and every standby that is told to, be let in by the new one? Tried, not inferred."""

from ppsconsole.cluster.way_there import WayThere
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, unseen
from ppsconsole.runbooks.other_standbys import others_of


def replication_login(case: Case) -> Item:
    """Return whether all that will have to follow the new primary get in there: password, pg_hba.conf, right to replicate.

    Nothing of it keeps users out, so nothing of it blocks: but a group whose standby cannot come back is one fault from the end.
    """
    name, old, new = "replication-login", case.old.name, case.new.name
    others = others_of(case.inventory, case.snapshot, old, new)
    who = [old, *(each.name for each in others if not each.is_left and not each.upstream)]
    tried = case.background.ways
    if tried is None:
        return unseen(name, f"nobody tried whether {', '.join(who)} could follow {new}")
    ways = [tried.get(each) or WayThere(each, new, None, "nobody tried it") for each in who]
    refused = [f"{each.node}: {_why(each, case)}" for each in ways if each.is_open is False or _is_other(each, case)]
    untried = [f"{each.node} ({each.words})" for each in ways if each.is_open is None]
    if refused:
        words = f"would not be let in by {new} as a standby: {'; '.join(refused)}"
        if untried:
            words += f"; not tried: {', '.join(untried)}"
        remedy = (
            f"On {new}: pg_hba.conf has to let their addresses in for `replication`, and the role needs REPLICATION. On their "
            "hosts: the passfile that `upstreams` names, chmod 600, with a line for that address and port"
        )
        return failing(name, words, remedy)
    if untried:
        remedy = f'By hand on each: psql "host=... user=... passfile=... replication=true" -c IDENTIFY_SYSTEM, towards {new}'
        return unseen(name, f"whether {new} would let them in as a standby was not tried: {', '.join(untried)}", remedy)
    return ok(name, f"{new} lets {', '.join(who)} in with the right to replicate")


def _is_other(way: WayThere, case: Case) -> bool:
    own = case.new.value("system_identifier")
    return bool(way.is_open) and own is not None and way.system != str(own)


def _why(way: WayThere, case: Case) -> str:
    return f"another system answers there, {way.system}" if _is_other(way, case) else way.words
