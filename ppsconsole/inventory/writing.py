"""Writes an inventory from what was said and what was found: everything doubtful is a commented line with the reason."""

import os
from typing import Literal

import yaml

from ppsconsole.inventory.answers import Answers
from ppsconsole.inventory.found import Found, FoundHost, FoundInstance, FoundService, FoundWeb
from ppsconsole.inventory.secret_forms import as_reference

_STEP = "  "
_LONGEST_REASON = 240
_ORDER = ("bastion", "db", "web", "front")


class Page:
    """Lines of YAML with comments."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def put(self, depth: int, key: str, value: object = None, why: str = "") -> None:
        """Write `key: value`; a reason stands behind it."""
        shown = "" if value is None else " " + scalar(value)
        self.lines.append(f"{_STEP * depth}{key}:{shown}" + (f"  # {_one_line(why)}" if why else ""))

    def doubt(self, depth: int, key: str, value: object, why: str) -> None:
        """Write it as a comment, below the reason why it is none of the settings."""
        self.remark(depth, why)
        self.lines.append(f"{_STEP * depth}# {key}: {scalar(value)}")

    def remark(self, depth: int, words: str) -> None:
        """Write a comment."""
        self.lines.append(f"{_STEP * depth}# {_one_line(words)}")

    def gap(self) -> None:
        """Write an empty line."""
        self.lines.append("")

    def text(self) -> str:
        """Return everything."""
        return "\n".join(self.lines) + "\n"


def scalar(value: object) -> str:
    """Return a value as YAML on one line, quoted where it would mean something else."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def write(answers: Answers, found: Found, at: str) -> str:
    """Return the text of an inventory.

    Args:
        answers: What was said.
        found: What was found.
        at: When, for the first line.
    """
    page = Page()
    page.remark(0, f"Written by `ppsconsole inventory init` at {at}. What it could not be sure of is a comment with the reason.")
    page.remark(0, "ppsconsole inventory check shows mistakes; sample-inventory.yaml of the project shows all keys.")
    page.put(0, "version", 1)
    page.gap()
    _cluster(page, answers, found)
    _hosts(page, answers, found)
    _database(page, answers, found)
    _web_nodes(page, answers, found)
    _balancers(page, found)
    if found.strangers:
        page.remark(0, "Seen, and not among the hosts that were named; name them with --ssh, and make the inventory again:")
        for address, who in found.strangers:
            page.remark(0, f"{address}: {who}")
    return page.text()


def mode_of(answers: Answers, found: Found) -> str:
    """Return the mode that was said, else the one that the balancer's members tell."""
    serving = [each for each in found.webs if not each.is_waiting]
    return answers.mode or ("active-active" if len(serving) > 1 else "active-passive")


def _cluster(page: Page, answers: Answers, found: Found) -> None:
    page.put(0, "cluster")
    page.put(1, "name", answers.cluster)
    page.put(1, "environment", answers.environment or "production")
    why = "" if answers.mode else f"assumed: {_serving_words(found)}"
    page.put(1, "mode", mode_of(answers, found), why)
    if answers.front:
        page.put(1, "address", answers.front)
    else:
        page.doubt(1, "address", "https://passwords.example.org", "what users type; not said, so the front is not probed")
    if answers.ca:
        page.put(1, "ca", local(answers.ca))
    page.doubt(1, "downtime_objective_s", "15m", "the longest outage that was promised to users; not said")
    page.doubt(1, "loss_objective_s", "30s", "the longest window of writes that may be lost by what was promised; not said")
    page.gap()
    page.put(0, "sites")
    for site in dict.fromkeys(each.login.site for each in found.hosts):
        page.put(1, site, {})
    page.gap()


def _serving_words(found: Found) -> str:
    serving = sum(not each.is_waiting for each in found.webs)
    return f"the balancer sends users to {serving} of {len(found.webs)} web nodes" if found.webs else "no balancer was seen"


def _hosts(page: Page, answers: Answers, found: Found) -> None:
    access: dict[str, object] = {}
    users = {each.login.user for each in found.hosts}
    common = users.pop() if len(users) == 1 else None
    if common:
        access["user"] = common
    for name in ("key", "known_hosts"):
        if words := answers.said(name):
            access[name] = local(words)
    if answers.ssh_config:
        access["config"] = "" if answers.ssh_config == "none" else local(answers.ssh_config)
    if access:
        page.put(0, "ssh")
        for key, value in access.items():
            page.put(1, key, value)
    else:
        page.remark(0, "ssh: left to ~/.ssh/config and the agent")
    page.gap()
    page.put(0, "hosts")
    for host in found.hosts:
        _host(page, host, found, common)
    page.gap()


def _host(page: Page, host: FoundHost, found: Found, common_user: str | None) -> None:
    page.put(1, host.name, None, f"NOT REACHED: {host.trouble}" if host.trouble else host.system)
    page.put(2, "site", host.login.site)
    page.put(2, "address", host.login.address)
    if host.platform != "linux":
        page.put(2, "platform", host.platform)
    if host.via:
        page.put(2, "via", list(host.via))
    if host.hostname:
        page.put(2, "hostname", host.hostname)
    if data := next((each.data_directory for each in found.instances if each.host == host.name and each.data_directory), ""):
        why = "to watch the database's own file system, too; `df` has to reach it from this login"
        page.doubt(2, "disks", ["/", data], why)
    own: dict[str, object] = {}
    if host.login.user and host.login.user != common_user:
        own["user"] = host.login.user
    if host.login.port:
        own["port"] = host.login.port
    if own:
        page.put(2, "ssh", own)


def _database(page: Page, answers: Answers, found: Found) -> None:
    page.put(0, "database")
    page.put(1, "kind", "postgres")
    page.put(1, "database", answers.db_name)
    page.put(1, "user", answers.db_user)
    if answers.db_password_ref:
        page.put(1, "password", str(as_reference(answers.db_password_ref)))
    else:
        page.doubt(1, "password", "env:PPSCONSOLE_DB_PASSWORD", "not said: libpq's own ~/.pgpass is used")
    page.put(1, "tls", {"mode": answers.db_tls or "prefer"})
    page.put(1, "instances")
    for instance in found.instances:
        _instance(page, instance, found)
    if len(found.instances) == 1:
        page.remark(1, "no standby was found: the primary did not tell of one, or the account may not see it (pg_monitor)")
    page.gap()


def _instance(page: Page, instance: FoundInstance, found: Found) -> None:
    host = found.named(instance.host)
    primary_known = any(each.role == "primary" for each in found.instances)
    declared = instance.role if instance.role != "unknown" else "standby" if primary_known else "primary"
    seen = f"NOT ASKED: {instance.trouble}" if instance.trouble else f"seen as {instance.role}"
    page.put(2, node_name(host.name, "db", found), None, seen)
    page.put(3, "host", host.name)
    page.put(3, "port", instance.port)
    page.put(3, "declared", declared, "assumed, its role was not seen" if instance.role == "unknown" else "")
    if instance.aliases:
        page.put(3, "aliases", list(instance.aliases))
    if instance.data_directory:
        page.put(3, "data_directory", instance.data_directory)
        programs = host.postgres_programs.get(instance.data_directory) or host.postgres_programs.get("")
        if programs:
            page.put(3, "bin_directory", programs)
        else:
            page.doubt(
                3, "bin_directory", "/usr/lib/postgresql/15/bin", "its programs were not found; left out, the PATH decides"
            )
    else:
        why = "not told (the account has to be a member of pg_monitor)"
        page.doubt(3, "data_directory", "/var/lib/postgresql/15/main", why)
    _service(page, 3, host.database_service, "postgresql")
    if instance.sender is not None:
        address, port = instance.sender
        sender = found.host(address)
        if sender is not None:
            way = f"host={address} port={port} user=REPLICATION-ACCOUNT passfile=/FOLDER/.pgpass"
            why = f"how it receives now; account and passfile have to be filled in. Left out, {sender.name}'s own setting is used"
            page.doubt(3, "upstreams", {node_name(sender.name, "db", found): way}, why)


def _web_nodes(page: Page, answers: Answers, found: Found) -> None:
    page.put(0, "web_nodes")
    databases = {
        name: node_name(each.host, "db", found)
        for each in found.instances
        for name in (*found.named(each.host).names, *each.aliases)
    }
    for web in found.webs:
        host = found.named(web.host)
        page.put(1, node_name(web.host, "web", found), None, web.trouble)
        page.put(2, "host", web.host)
        page.put(2, "url", url_of(web, host))
        if answers.ca:
            page.put(2, "ca", local(answers.ca))
        if web.server_name:
            page.put(2, "server_name", web.server_name, "its certificate does not cover the address")
        page.put(2, "declared", "passive" if web.is_waiting else "active")
        _switch(page, host, databases)
        service = web_service(answers, host, found)
        if service is not None:
            page.put(2, "service", _service_value(service), service.remark)
        page.doubt(2, "account", "console-check", "a local account with few rights for the login check; not said: `not checked`")
    page.gap()


def _switch(page: Page, host: FoundHost, databases: dict[str, str]) -> None:
    if database := databases.get(host.connection.lower()):
        page.put(2, "database", database)
    elif host.connection:
        page.remark(2, f"database: its setting names {host.connection}, which is none of the instances")
    if host.connection_program:
        page.put(2, "switch", {"method": "command", "program": host.connection_program})
    else:
        why = "how it is pointed at another database was not found out; left out, a person does it"
        page.doubt(2, "switch", {"method": "manual"}, why)


def web_service(answers: Answers, host: FoundHost, found: Found) -> FoundService | None:
    """Return what starts the web node on `host`: as said, as found there, or as on another one; None when nobody knows."""
    if answers.web_service:
        kind, _, name = answers.web_service.partition(":")
        return FoundService(kind, name)
    if host.web_service is not None or not host.trouble:
        return host.web_service
    others = (found.named(web.host) for web in found.webs)
    like = next((each for each in others if each.web_service is not None and each.platform == host.platform), None)
    if like is None or like.web_service is None:
        return None
    return FoundService(like.web_service.kind, like.web_service.name, f"assumed: as on {like.name}")


def _balancers(page: Page, found: Found) -> None:
    fronts = [host for host in found.hosts if host.front is not None and _upstream(host, found) is not None]
    if not fronts:
        page.remark(0, "balancers: none was found. `nginx -T` has to work for the login, and list web nodes named above.")
        return
    page.put(0, "balancers")
    for host in fronts:
        _balancer(page, host, found)
    page.gap()


def _balancer(page: Page, host: FoundHost, found: Found) -> None:
    front, upstream = host.front, _upstream(host, found)
    assert front is not None
    assert upstream is not None
    page.put(1, node_name(host.name, "front", found))
    page.put(2, "kind", "nginx")
    page.put(2, "host", host.name)
    page.put(2, "upstream", upstream)
    page.put(2, "members")
    for member in front.upstreams[upstream]:
        web = _web_of(member.address, found)
        if web is not None:
            page.put(3, scalar(member.address), node_name(web.host, "web", found))
        else:
            page.doubt(3, scalar(member.address), "WEB-NODE", "no host that was named has this address")
    if front.config:
        page.put(2, "config", front.config)
    if upstream in front.files:
        page.put(2, "include", front.files[upstream])
    else:
        why = "the upstream stands in a file with other things: a run rewrites only a file of its own"
        page.doubt(2, "include", "/etc/nginx/conf.d/pps-upstream.conf", why)
    _service(page, 2, host.front_service, "nginx")
    if front.proof_header:
        page.put(2, "proof_header", front.proof_header)
    else:
        why = "who answered cannot be proved: put `add_header X-PPS-Upstream $upstream_addr always;` into the server block"
        page.doubt(2, "proof_header", "X-PPS-Upstream", why)


def _upstream(host: FoundHost, found: Found) -> str | None:
    """Return the upstream of `host` that lists the most web nodes."""
    upstreams = host.front.upstreams if host.front is not None else {}
    counts = {name: sum(_web_of(each.address, found) is not None for each in members) for name, members in upstreams.items()}
    best = max(counts, key=lambda name: counts[name], default=None)
    return best if best is not None and counts[best] else None


def _web_of(address: str, found: Found) -> FoundWeb | None:
    host = found.host(address.rpartition(":")[0].strip("[]"))
    return None if host is None else next((each for each in found.webs if each.host == host.name), None)


def node_name(host: str, kind: Literal["db", "web", "front"], found: Found) -> str:
    """Return what the node of that kind on `host` is called: like its host, which only one node of a host can be."""
    order = {
        "bastion": any(each.is_bastion and each.name == host for each in found.hosts),
        "db": any(each.host == host for each in found.instances),
        "web": any(each.host == host for each in found.webs),
    }
    is_taken = any(is_there for other, is_there in order.items() if other != kind and _ORDER.index(other) < _ORDER.index(kind))
    return f"{host}-{kind}" if is_taken else host


def url_of(web: FoundWeb, host: FoundHost) -> str:
    """Return the address at which a web node itself answers."""
    address = host.login.address
    return f"https://{f'[{address}]' if ':' in address else address}:{web.port}"


def _service(page: Page, depth: int, service: FoundService | None, otherwise: str) -> None:
    if service is not None and not service.remark:
        page.put(depth, "service", _service_value(service))
    elif service is not None:
        page.doubt(depth, "service", _service_value(service), service.remark)
    else:
        why = "no unit and no service program was found; left out, it can be looked at and not started"
        page.doubt(depth, "service", {"kind": "systemd", "name": otherwise}, why)


def _service_value(service: FoundService) -> dict[str, str]:
    return {"kind": service.kind, "program" if service.kind == "command" else "name": service.name}


def local(words: str) -> str:
    """Return a file name as it is meant from anywhere: it was typed in some folder, and is read from the inventory's."""
    return words if words.startswith("~") else os.path.abspath(words)


def _one_line(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"
