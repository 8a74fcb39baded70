"""Keys: host keys that are known, unknown, changed, revoked or signed; what the console logs in with."""

import asyncio
import shutil
import subprocess

import asyncssh
import pytest

from ppsconsole.errors import HostKeyRefused, LoginRefused
from ppsconsole.inventory.secret import SecretRef
from tests.lab.ssh_server import World

PATIENT_S = 20.0


def refusal(tmp_path, prepare) -> HostKeyRefused:
    async def main() -> HostKeyRefused:
        async with World(tmp_path) as world:
            await world.add("good", "127.42.0.1")
            server = await world.add("h", "127.42.0.2", is_known=False)
            prepare(world, server)
            before = world.known_hosts.read_text() if world.known_hosts.exists() else None
            pool = world.pool()
            with pytest.raises(HostKeyRefused) as told:
                await pool.run(world.hosts["h"], "true", timeout_s=PATIENT_S)
            assert server.commands == []
            assert (world.known_hosts.read_text() if world.known_hosts.exists() else None) == before, "nothing is ever added"
            assert pool.fingerprint("h") is None
            if before is not None and "garbage" not in before:
                assert (await pool.run(world.hosts["good"], "echo ok", timeout_s=PATIENT_S)).stdout == "ok\n"
            told.value.args = (server.host_key.get_fingerprint(), f"[127.42.0.2]:{server.port}", str(world.known_hosts))
            return told.value

    return asyncio.run(main())


def test_an_unknown_key_is_refused_by_name(tmp_path):
    error = refusal(tmp_path, lambda world, server: None)
    fingerprint, entry, path = error.args
    assert error.what == f"unknown host key: {entry} offers ssh-ed25519 {fingerprint}, and {path} has no key for it"
    assert fingerprint.startswith("SHA256:")
    assert error.where == "h"
    assert path in error.remedy


def test_a_changed_key_is_refused_louder(tmp_path):
    old = asyncssh.generate_private_key("ssh-ed25519")

    def prepare(world, server):
        world.known_hosts.write_text(world.known_hosts.read_text() + server.known(old))

    error = refusal(tmp_path, prepare)
    fingerprint, entry, path = error.args
    assert error.what == f"CHANGED host key: {entry} offers ssh-ed25519 {fingerprint}, but {path} holds {old.get_fingerprint()}"
    assert f"ssh-keygen -R '{entry}' -f {path}" in error.remedy


def test_a_key_changed_to_another_kind_is_a_changed_key(tmp_path):
    old = asyncssh.generate_private_key("ecdsa-sha2-nistp256")

    def prepare(world, server):
        world.known_hosts.write_text(world.known_hosts.read_text() + server.known(old))

    error = refusal(tmp_path, prepare)
    assert error.what.startswith("CHANGED host key")
    assert error.args[0] in error.what


def test_a_revoked_key_is_refused(tmp_path):
    def prepare(world, server):
        line = server.known()
        world.known_hosts.write_text(world.known_hosts.read_text() + line + "@revoked " + line)

    assert "is marked as revoked" in refusal(tmp_path, prepare).what


def test_without_a_known_hosts_file_every_key_is_refused(tmp_path):
    error = refusal(tmp_path, lambda world, server: world.known_hosts.unlink())
    assert error.args[0] in error.what
    assert error.what.endswith(f"{error.args[2]} does not exist")


def test_a_known_hosts_file_that_is_none(tmp_path):
    error = refusal(tmp_path, lambda world, server: world.known_hosts.write_text("garbage\n"))
    assert f"{error.args[2]} cannot be used" in error.what


@pytest.mark.parametrize("setting", ["UserKnownHostsFile none", "UserKnownHostsFile /dev/null", "GlobalKnownHostsFile /dev/null"])
def test_the_ssh_configuration_cannot_switch_the_check_off(tmp_path, setting):
    def prepare(world, server):
        config = tmp_path / "config"
        config.write_text(f"Host *\n  StrictHostKeyChecking no\n  CheckHostIP no\n  {setting}\n")
        world.declare("h", "127.42.0.2", server.port, known_hosts=None, config=str(config))

    error = refusal(tmp_path, prepare)
    assert error.args[0] in error.what
    assert error.what.startswith("unknown host key")


def certificate(authority, key, **settings):
    return authority.generate_host_certificate(key, "host", principals=["127.42.0.5"], **settings)


def test_host_certificates(tmp_path):
    async def main():
        authority = asyncssh.generate_private_key("ssh-ed25519")
        key = asyncssh.generate_private_key("ssh-ed25519")
        async with World(tmp_path) as world:
            signed = certificate(authority, key)
            server = await world.add("h", "127.42.0.5", is_known=False, host_key=key, host_certificate=signed)
            line = "@cert-authority 127.42.0.* " + authority.export_public_key().decode()
            world.known_hosts.write_text(line)
            pool = world.pool()
            assert (await pool.run(world.hosts["h"], "echo ok", timeout_s=PATIENT_S)).stdout == "ok\n"
            assert pool.fingerprint("h") == key.get_fingerprint()

            await server.stop()
            server.host_certificate = certificate(authority, key, valid_before="20200101")
            await server.start()
            with pytest.raises(HostKeyRefused, match=r"host certificate of .* is not valid: .*expired") as told:
                await pool.run(world.hosts["h"], "true", timeout_s=PATIENT_S)
            assert authority.get_fingerprint() in told.value.what

            await server.stop()
            server.host_certificate = certificate(asyncssh.generate_private_key("ssh-ed25519"), key)
            await server.start()
            with pytest.raises(HostKeyRefused, match="CHANGED host key"):
                await pool.run(world.hosts["h"], "true", timeout_s=PATIENT_S)

    asyncio.run(main())


def test_a_user_certificate(tmp_path):
    async def main():
        authority = asyncssh.generate_private_key("ssh-ed25519")
        async with World(tmp_path) as world:
            path = tmp_path / "id-cert.pub"
            authority.generate_user_certificate(world.client_key, "ops", principals=["ops"]).write_certificate(str(path))
            world.client_key = asyncssh.generate_private_key(
                "ssh-ed25519"
            )  # what the server authorizes: not the one logged in with
            await world.add("h", "127.42.0.6", authority=authority, access={"certificate": str(path)})
            assert (await world.pool().run(world.hosts["h"], "echo ok", timeout_s=PATIENT_S)).stdout == "ok\n"
            world.declare("h", "127.42.0.6", world.servers["h"].port)
            with pytest.raises(LoginRefused):
                await world.pool().run(world.hosts["h"], "true", timeout_s=PATIENT_S)

    asyncio.run(main())


def test_a_key_with_a_passphrase(tmp_path, monkeypatch):
    async def main():
        async with World(tmp_path) as world:
            world.client_key.write_private_key(str(world.key_file), passphrase="open sesame")
            await world.add("h", "127.42.0.7", access={"passphrase": SecretRef("env", "PPSCONSOLE_TEST_PASSPHRASE")})
            monkeypatch.setenv("PPSCONSOLE_TEST_PASSPHRASE", "wrong word")
            with pytest.raises(LoginRefused, match="does not open") as told:
                await world.pool().run(world.hosts["h"], "true", timeout_s=PATIENT_S)
            assert "wrong word" not in str(told.value)
            monkeypatch.setenv("PPSCONSOLE_TEST_PASSPHRASE", "open sesame")
            assert (await world.pool().run(world.hosts["h"], "echo ok", timeout_s=PATIENT_S)).stdout == "ok\n"
            world.declare("h", "127.42.0.7", world.servers["h"].port)
            with pytest.raises(LoginRefused, match="cannot be used") as told:
                await world.pool().run(world.hosts["h"], "true", timeout_s=PATIENT_S)
            assert "passphrase" in told.value.remedy

    asyncio.run(main())


async def accepting(path: str) -> None:
    """The socket's file is there a moment before anybody listens on it."""
    async with asyncio.timeout(PATIENT_S):
        while True:
            try:
                _, writer = await asyncio.open_unix_connection(path)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                await writer.wait_closed()
                return


@pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="needs ssh-agent (openssh-client)")
def test_an_agent_is_asked(tmp_path, monkeypatch):
    async def main():
        async with World(tmp_path) as world:
            await world.add("h", "127.42.0.8", access={"key": None})
            world.declare("locked", "127.42.0.8", world.servers["h"].port)
            monkeypatch.setenv("HOME", str(tmp_path))
            monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
            with pytest.raises(LoginRefused):
                await world.pool().run(world.hosts["h"], "true", timeout_s=PATIENT_S)
            agent = await asyncio.create_subprocess_exec(
                "ssh-agent", "-D", "-a", str(tmp_path / "agent"), stdout=subprocess.DEVNULL
            )
            try:
                await accepting(str(tmp_path / "agent"))
                async with asyncssh.connect_agent(str(tmp_path / "agent")) as client:
                    await client.add_keys([asyncssh.generate_private_key("ssh-ed25519") for _ in range(8)])
                    await client.add_keys([world.client_key])
                # The key file is locked and has no passphrase here, so exactly that identity of the full agent is used.
                world.client_key.write_private_key(str(world.key_file), passphrase="unknown here")
                world.client_key.write_public_key(str(world.key_file) + ".pub")
                assert (await world.pool().run(world.hosts["locked"], "echo ok", timeout_s=PATIENT_S)).stdout == "ok\n"
                assert (await world.pool().run(world.hosts["h"], "echo ok", timeout_s=PATIENT_S)).stdout == "ok\n"
            finally:
                agent.terminate()
                await agent.wait()

    asyncio.run(main())
