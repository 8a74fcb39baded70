"""Who may log in to the hosts, and what sudo lets them do: accounts, OpenSSH with certificates only, the README's sudo rules."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.netns.network import LIMIT_S, Host

OPS, POSTGRES = "ops", "postgres"
UIDS = {"root": 0, OPS: 20001, POSTGRES: 20002, "sshd": 20003, "nobody": 65534}
HOMES = {"root": "/root", OPS: "/srv/ops", POSTGRES: "/srv/postgresql", "sshd": "/run/sshd", "nobody": "/nonexistent"}

_SSHD = """\
Port 22
HostKey /srv/ssh/host_key
HostCertificate /srv/ssh/host_key-cert.pub
PidFile /srv/ssh/pid
TrustedUserCAKeys /srv/ssh/users.pub
AuthorizedKeysFile none
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
UsePAM yes
PrintMotd no
X11Forwarding no
AllowAgentForwarding no
AllowUsers {login}
AllowTcpForwarding {forwarding}
"""

# What Debian's own sudoers says, without its members of the group sudo.
_SUDOERS = """\
Defaults env_reset
Defaults use_pty
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
{rules}
"""


def readme_rules(root: Path, login: str, unit: str) -> str:
    """Return the sudo rules that the README tells admins to put into sudoers, for one login and one unit."""
    (block,) = re.findall(r"^ *```sudoers\n(.*?)^ *```$", (root / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return "\n".join(line.strip() for line in block.splitlines()).replace("LOGIN", login).replace("UNIT", unit)


@dataclass
class Authority:
    """Signs host and user certificates, and holds the console's agent.

    Attributes:
        folder: Nobody else can look into it.
    """

    folder: Path
    _open: ExitStack = field(default_factory=ExitStack)

    @property
    def agent(self) -> Path:
        """The socket of the agent, which has the console's key and its certificate."""
        return self.folder / "agent"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def start(self, console: Host) -> None:
        """Make the two authorities, and on `console` an agent with a key that the one for users has signed."""
        for name in ("hosts", "users", "key"):
            self._keygen("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name)
        self.known_hosts.write_text(f"@cert-authority 10.77.* {(self.folder / 'hosts.pub').read_text()}")
        self._keygen("-q", "-s", "users", "-I", "console", "-n", f"{OPS},{POSTGRES}", "-V", "-1h:+1d", "key.pub")
        (self.folder / "store").mkdir()
        for name in ("key", "key-cert.pub"):
            (self.folder / name).rename(self.folder / "store" / name)
        agent = subprocess.Popen(
            console.inside("ssh-agent", "-D", "-a", str(self.agent)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._open.callback(agent.wait, LIMIT_S)
        self._open.callback(agent.terminate)
        assert agent.stdout is not None
        self._open.enter_context(agent.stdout)
        agent.stdout.readline()  # it listens once it says where
        self._load("key", "key-cert.pub")

    @contextmanager
    def without_certificate(self) -> Iterator[None]:
        """Let the agent have the key alone, as that of somebody whom no authority has signed for."""
        self._load("key")
        try:
            yield
        finally:
            self._load("key", "key-cert.pub")

    def _load(self, *files: str) -> None:
        """Let the agent have these, which stand beside the sockets only for as long as that takes."""
        env = {**os.environ, "SSH_AUTH_SOCK": str(self.agent)}
        store = self.folder / "store"
        for name in files:
            (store / name).rename(self.folder / name)
        for words in (["-D"], [self.folder / "key"]):
            subprocess.run(["ssh-add", "-q", *words], env=env, check=True, timeout=LIMIT_S)
        for name in files:
            (self.folder / name).rename(store / name)

    def end(self) -> None:
        self._open.close()

    def equip(self, host: Host, login: str, forwarding: str, rules: str) -> None:
        """Give `host` its accounts, its sudo rules, and an SSH server that is proved by a certificate."""
        folder = host.root / "srv" / "ssh"
        folder.mkdir(mode=0o755)
        self._keygen("-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", folder / "host_key")
        names = ",".join(host.addresses.values())
        self._keygen("-q", "-s", "hosts", "-h", "-I", host.name, "-n", names, "-V", "-1h:+1d", folder / "host_key.pub")
        host.write("srv/ssh/users.pub", (self.folder / "users.pub").read_text())
        host.write("srv/ssh/config", _SSHD.format(login=login, forwarding=forwarding))
        accounts = [f"{name}:x:{uid}:{uid}::{HOMES[name]}:/bin/bash" for name, uid in UIDS.items()]
        etc = {
            "passwd": "\n".join(accounts),
            "group": "\n".join(f"{name}:x:{uid}:" for name, uid in UIDS.items()),
            "shadow": "\n".join(f"{name}:*:19000:0:99999:7:::" for name in UIDS),
            "sudoers": _SUDOERS.format(rules=rules),
            "hosts": "\n".join(("127.0.0.1 localhost", *(f"{each} {host.name}" for each in host.addresses.values()))),
        }
        for name, text in etc.items():
            host.write(f"srv/etc/{name}", text + "\n", mode={"shadow": 0o600, "sudoers": 0o440}.get(name, 0o644))
        host.write("usr/bin/systemctl", (Path(__file__).parent / "systemctl.sh").read_text(), 0o755)
        homes = [f"install -d -m 700 -o {each} -g {each} {HOMES[each]}" for each in (OPS, POSTGRES)]
        binds = [f"mount --bind /srv/etc/{name} /etc/{name}" for name in etc]
        server = "install -d -m 755 /run/sshd; /usr/sbin/sshd -f /srv/ssh/config -E /srv/ssh/log"
        host.run("sh", "-ec", "; ".join([*binds, *homes, "visudo -c -q", server]))

    def _keygen(self, *words: "str | Path") -> None:
        subprocess.run(["ssh-keygen", *words], cwd=self.folder, check=True, timeout=LIMIT_S)
