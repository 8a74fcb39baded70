"""By what a cluster is known again, whatever it is called: a lab that is started anew has the name of the one before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ppsconsole.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class Marks:
    """What tells clusters of one name apart.

    Attributes:
        host_keys: Fingerprint by host, as it was proved at a login.
        systems: System identifiers of the databases.
    """

    host_keys: Mapping[str, str] = field(default_factory=dict)
    systems: frozenset[str] = frozenset()

    @classmethod
    def of(cls, plans: Iterable[Plan], host_keys: Mapping[str, str] | None = None) -> "Marks":
        """Return the marks of one cluster: what `host_keys` and the first of `plans` say counts where others differ."""
        each = [identity for plan in plans for identity in plan.identities]
        keys = {identity.host: identity.host_key for identity in reversed(each) if identity.host_key}
        systems = frozenset(identity.system_identifier for identity in each if identity.system_identifier)
        return cls({**keys, **(host_keys or {})}, systems)

    def is_other(self, plan: Plan) -> bool:
        """Return whether `plan` was certainly made for another cluster: something can be compared, and none of it is the same.

        One host with a new key, or a database that was made anew, is still the same cluster.
        """
        theirs = Marks.of((plan,))
        both = self.host_keys.keys() & theirs.host_keys.keys()
        if self.systems & theirs.systems or any(self.host_keys[host] == theirs.host_keys[host] for host in both):
            return False
        return bool(both) or bool(self.systems and theirs.systems)
