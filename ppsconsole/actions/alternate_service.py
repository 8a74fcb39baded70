"""What is seen of an activated alternate server as its users see it, and what they are told."""

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import Looking, patience, settled
from ppsconsole.actions.places import alternate_of, argument
from ppsconsole.actions.serving import answers
from ppsconsole.drivers import secrets
from ppsconsole.drivers.web_login import log_in
from ppsconsole.errors import SecretError
from ppsconsole.plan.step import Step

_AGAIN_S = 0.25


class VerifyAlternate(Looking):
    """Asks the alternate server for a page, and logs in there (law 11: with the account that the inventory declares)."""

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether users get in."""
        found = await settled(bench, lambda: answers(bench, step.node), patience(step) / 2)
        if found.state != "yes":
            return found
        alternate = alternate_of(bench.inventory, step.node)
        if alternate.account is None or alternate.account_password is None:
            words = f"{found.words}; login: not checked, no account is declared for it"
            return Finding("yes", words, {"login": {alternate.name: "not checked"}})
        try:
            password = await secrets.resolve(alternate.account_password)
        except SecretError as error:
            return Finding("no", f"{found.words}; login: {error.what}", {"login": {alternate.name: "no secret"}})
        limit = bench.clock.monotonic() + patience(step) / 4
        while True:
            said = await log_in(
                alternate.url,
                alternate.account,
                password,
                ca=alternate.ca,
                server_name=alternate.server_name,
                timeout_s=step.timeout_s / 4,
            )
            # What was refused is never tried again: wrong passwords lock accounts.
            if said.is_in or said.is_refused or bench.clock.monotonic() >= limit:
                break
            await bench.clock.sleep(_AGAIN_S)
        words = f"{found.words}; login as {alternate.account}: {said.words}"
        return Finding("yes" if said.is_in else "no", words, {"login": {alternate.name: "ok" if said.is_in else "failed"}})


class TellUsers(Looking):
    """Says what users have to be told. Argument `text`: the lines. Nothing is sent: who tells them, and how, is a site's own."""

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Say it, for whoever watches and for the report."""
        lines = argument(step, "text").splitlines()
        for line in lines:
            bench.say(line)
        return Finding("yes", lines[0], {"announcement": lines})
