"""A fencing command is seen by everybody on its machine while it runs: one with a password in it is refused, never repeated."""

import pytest

from tests.unit.inventory_texts import changed, mistakes, parsed

WORD = "hunter2Zq"
VERIFY = "verify: [fence_ipmilan, --ip=bmc1, -o, status]"


def declared(command: str, verify: str = VERIFY) -> str:
    fence = f"{{command: {command}, {verify}, off_says: off}}"
    return changed(("db1: {host: db1, declared: primary}", f"db1: {{host: db1, declared: primary, fence: {fence}}}"))


@pytest.mark.parametrize(
    "command",
    [
        f"[fence_ipmilan, --ip=bmc1, --password={WORD}, -o, 'off']",
        f"[fence_ipmilan, --ip=bmc1, --password, {WORD}, -o, 'off']",
        f"[/usr/sbin/fence_ipmilan, -a, bmc1, -p, {WORD}, -o, 'off']",
        f"[/usr/sbin/fence_ipmilan, -a, bmc1, -p{WORD}, -o, 'off']",
        f"[sudo, ipmitool, -H, bmc1, -U, me, -P, {WORD}, power, 'off']",
        f"[curl, -X, POST, 'https://me:{WORD}@bmc1/off']",
        f"[curl, -H, 'Authorization: Bearer {WORD}abc', 'https://bmc1/off']",
        f"[power, --api-token, {WORD}]",
    ],
)
def test_a_password_among_the_arguments_is_refused_and_not_repeated(command: str) -> None:
    told = "\n".join(mistakes(declared(command)))
    assert "database.instances.db1.fence.command" in told
    assert "a secret stands here in clear (not shown)" in told
    assert WORD not in told
    told = "\n".join(mistakes(declared("[power-off, db1]", f"verify: {command}")))
    assert "database.instances.db1.fence.verify" in told
    assert WORD not in told


@pytest.mark.parametrize(
    "command",
    [
        "[fence_ipmilan, --ip=bmc1, --username=me, --password-script=/etc/pps/bmc, -P, -o, 'off']",
        "[ipmitool, -H, bmc1, -f, /etc/pps/bmc, -p, '623', power, 'off']",
        "[power-off, -p, db1, -P, x]",
        "[/usr/sbin/fence_off]",
    ],
)
def test_what_only_tells_where_it_is_found_is_taken(command: str) -> None:
    assert parsed(declared(command)).database.instances["db1"].fence is not None
