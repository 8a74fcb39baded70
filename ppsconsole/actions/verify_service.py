"""Verify the service as a user would: a page through the front, from the right web node, on the right database; a login."""

from dataclasses import replace

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import Looking, patience, settled
from ppsconsole.actions.places import argument, web_node_of
from ppsconsole.actions.serving import asked
from ppsconsole.actions.sessions import CheckConnections
from ppsconsole.drivers import secrets
from ppsconsole.drivers.web_login import log_in
from ppsconsole.errors import SecretError
from ppsconsole.inventory.model import WebNode
from ppsconsole.plan.step import Step

_AGAIN_S = 0.25


class VerifyService(Looking):
    """Looks through the front: the step's node when that is a balancer, else all of them.

    Arguments: `web_node`, who should serve, separated by commas; `instance`, on which database.

    The login check (law 11) uses the account that the inventory declares for the web node; without one it is `not checked`.
    """

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether users are served as they should be."""
        web_nodes = tuple(name.strip() for name in argument(step, "web_node").split(",") if name.strip())
        fronts = (step.node,) if step.node in bench.inventory.balancers else tuple(bench.inventory.balancers)
        cluster = bench.inventory.cluster
        if not fronts or cluster.address is None:
            return Finding("unknown", "there is no front to ask: neither a balancer nor a cluster.address is declared")
        words = []
        for front in fronts:
            found = await settled(bench, lambda front=front: _served(bench, front, web_nodes), patience(step) / 2)  # type: ignore[misc]
            if found.state != "yes":
                return found
            words.append(found.words)
        if step.arguments.get("instance"):
            for name in web_nodes:
                asking = replace(step, verb="check-connections", node=name, timeout_s=step.timeout_s / 4)
                found = await CheckConnections().verify(bench, asking)
                if found.state != "yes":
                    return found
                words.append(found.words)
        # Of several, each lets users in by itself: behind the cluster's address may be one that is still to be moved, or broken.
        own = bench.inventory.front_address(bench.inventory.balancers[fronts[0]]) if len(fronts) == 1 else None
        url = own or cluster.address
        logins = [await _login(bench, web_node_of(bench.inventory, name), url, step) for name in web_nodes]
        values = {"login": {name: login.values["login"] for name, login in zip(web_nodes, logins, strict=True)}}
        for login in logins:
            words.append(login.words)
            if login.state != "yes":
                return Finding("no", "; ".join(words), values)
        return Finding("yes", "; ".join(words), values)


async def _served(bench: Workbench, front: str, web_nodes: tuple[str, ...]) -> Finding:
    answer = await asked(bench, front)
    has_header = bench.inventory.balancers[front].proof_header is not None
    if not answer.is_serving:
        return Finding("no", f"users get {answer.words} through {front}")
    if has_header and answer.served_by not in web_nodes:
        return Finding("no", f"users are served by {answer.served_by} through {front}, not by {' or '.join(web_nodes)}")
    by = "" if has_header else " (by whom is not checked: no proof_header is declared)"
    return Finding("yes", f"users get {answer.words} through {front}{by}")


async def _login(bench: Workbench, web_node: WebNode, url: str, step: Step) -> Finding:
    if web_node.account is None or web_node.account_password is None:
        return Finding("yes", f"login to {web_node.name}: not checked, no account is declared for it", {"login": "not checked"})
    try:
        password = await secrets.resolve(web_node.account_password)
    except SecretError as error:
        return Finding("no", f"login to {web_node.name}: {error.what}", {"login": "no secret"})
    limit = bench.clock.monotonic() + patience(step) / 4
    while True:
        said = await log_in(url, web_node.account, password, ca=bench.inventory.cluster.ca, timeout_s=step.timeout_s / 4)
        # What was refused is never tried again: wrong passwords lock accounts. But a front that was moved just now answers 502
        # for a moment longer (nginx: the old workers take connections until they have heard of the reload).
        if said.is_in or said.is_refused or bench.clock.monotonic() >= limit:
            break
        await bench.clock.sleep(_AGAIN_S)
    state = "yes" if said.is_in else "no"
    words = f"login as {web_node.account}: {said.words}"
    return Finding(state, words, {"login": "ok" if said.is_in else "failed"})  # type: ignore[arg-type]
