"""The proxies of the hardening page: a real nginx and a real Caddy, as it sets them up, before the API."""

import asyncio
import re
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address, ip_network

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import REGISTRY
from sqlalchemy import update
from websockets.exceptions import InvalidStatus

from app.main import build
from app.models.accounts import User
from app.security import child_environment, credentials
from app.settings import settings
from tests import factories
from tests.docs.examples import examples
from tests.servers import serving
from tests.silence import until
from tests.system.clients import connected

START_S_MAX = 30
SAID = "said.log"
WAIT_S_MAX = 60
FOLDERS = "/usr/sbin:/usr/local/bin:/opt/homebrew/bin:/usr/bin"
CLIENT = "127.0.0.2"  # not the proxy's own address, so that the API can tell them apart
RECIPES = {
    "nginx": next(each.text for each in examples("hardening") if "limit_conn_zone" in each.text),
    "caddy": next(each.text for each in examples("hardening") if "reverse_proxy" in each.text),
}
SESSIONS = "{ me { sessions(first: 5) { nodes { address } } } }"
SIGN_IN = """mutation ($email: String!, $password: String!) {
  signIn(input: { email: $email, password: $password }) { ... on SignedIn { token } ... on Problem { message } }
}"""
POST = 'mutation { createPost(input: { content: "It rains." }) { ... on Post { content } ... on Problem { message } } }'
FEED = "subscription { feedUpdated { post { content } } }"


def certificate(folder):
    """Of this machine, by nobody whom anybody knows; the files of the certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), extensions=[])
    now = datetime.now(UTC)
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return folder / "cert.pem", folder / "key.pem"


def nginx(folder, port, api, *, connections=100):
    """The command, once its file is written: the recipe within what it stands in, at places of the test."""
    cert, key = certificate(folder)
    recipe = RECIPES["nginx"].replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    recipe = re.sub(r"127\.0\.0\.1:800\d", api, recipe)
    recipe = re.sub(r"(ssl_certificate +)\S+;", rf"\g<1>{cert};", recipe)
    recipe = re.sub(r"(ssl_certificate_key +)\S+;", rf"\g<1>{key};", recipe)
    recipe = recipe.replace("fieldgraph_connections 100;", f"fieldgraph_connections {connections};")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    file = folder / "nginx.conf"
    file.write_text(f"daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{places}{recipe}}}\n")
    return ["nginx", "-p", folder, "-c", file, "-e", folder / SAID]


def caddy(folder, port, api):
    """The same."""
    cert, key = certificate(folder)
    recipe = re.sub(r"127\.0\.0\.1:800\d", api, RECIPES["caddy"])
    alone = "admin off\n    auto_https disable_redirects"
    recipe = recipe.replace("{\n    servers", f"{{\n    {alone}\n    servers", 1)
    recipe = recipe.replace("fieldgraph.example.org {", f"https://localhost:{port} {{\n    tls {cert} {key}")
    file = folder / "Caddyfile"
    file.write_text(recipe)
    return ["caddy", "run", "--config", file]


class Proxy:
    """A running one."""

    def __init__(self, port):
        self.url = f"https://localhost:{port}"
        self.trust = ssl.create_default_context()
        self.trust.check_hostname, self.trust.verify_mode = False, ssl.CERT_NONE
        transport = httpx.AsyncHTTPTransport(verify=self.trust, local_address=CLIENT)
        self.http = httpx.AsyncClient(base_url=self.url, transport=transport, timeout=WAIT_S_MAX)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.http.aclose()

    async def ask(self, document, *, token=None, headers=None, **variables):
        signed = {"Authorization": f"Bearer {token}"} if token else {}
        body = {"query": document, "variables": variables}
        answer = await self.http.post("/graphql", json=body, headers=signed | (headers or {}))
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@pytest.fixture
def api(database_url, redis_url, monkeypatch):
    """The API, as one is set up behind a proxy on its own machine."""
    monkeypatch.setattr(settings, "trusted_proxies", (ip_network("127.0.0.1/32"),))
    with serving(build().app) as server:
        yield server.host


@pytest.fixture
async def begin(api, tmp_path):
    """Starts a proxy before it."""
    async with AsyncExitStack() as stack:

        async def begin(kind):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            name, *arguments = kind(tmp_path, port, api)
            process = _run(name, arguments, tmp_path)
            stack.callback(process.wait, START_S_MAX)
            stack.callback(process.terminate)
            await asyncio.to_thread(_await, port, process, tmp_path)
            return await stack.enter_async_context(Proxy(port))

        yield begin


def _run(name, arguments, folder):
    program = shutil.which(name, path=FOLDERS)
    assert program, f"{name} is not installed: ./setup.sh --dev"
    homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    with (folder / SAID).open("ab") as said:
        return subprocess.Popen(
            [program, *arguments], env=child_environment.variables() | homes, stdout=said, stderr=said
        )


def _await(port, process, folder):
    deadline = time.monotonic() + START_S_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert process.poll() is None, (folder / SAID).read_text()
            assert time.monotonic() < deadline, "The proxy did not start."
            time.sleep(0.02)
        else:
            return


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
async def proxy(request, begin):
    return await begin(request.param)


async def test_it_passes_requests_on_with_tls_and_keeps_figures_back(proxy):
    answer = await proxy.http.get("/healthz")
    assert (answer.status_code, answer.headers["strict-transport-security"]) == (200, "max-age=31536000")
    assert (await proxy.http.get("/metrics")).status_code == 403


async def test_it_says_who_asks_whatever_they_say_themselves(proxy, database, owner):
    known = await credentials.hash_password(factories.PASSWORD)
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == owner.user.id).values(password_hash=known))
    lie = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    given = {"email": owner.user.email, "password": factories.PASSWORD}
    token = (await proxy.ask(SIGN_IN, headers=lie, **given))["signIn"]["token"]
    sessions = (await proxy.ask(SESSIONS, token=token))["me"]["sessions"]["nodes"]
    assert CLIENT in {session["address"] for session in sessions}
    assert "203.0.113.9" not in {session["address"] for session in sessions}


async def test_a_socket_and_a_stream_are_told_at_once(proxy, owner, other):
    live = {"Authorization": f"Bearer {other.token}", "Accept": "text/event-stream"}
    async with (
        connected(proxy, other, ssl=proxy.trust) as client,
        proxy.http.stream("POST", "/graphql", json={"query": FEED}, headers=live) as stream,
    ):
        assert stream.status_code == 200
        lines = stream.aiter_lines()
        await client.subscribe(FEED)
        await client.begun()
        await anext(lines)  # it has begun, too
        await proxy.ask(POST, token=owner.token)
        assert (await client.next())["post"] == {"content": "It rains."}
        async with asyncio.timeout(WAIT_S_MAX):
            assert await anext(line async for line in lines if "It rains." in line)


async def test_what_a_client_subscribed_to_ends_when_they_leave(proxy, other):
    live = {"Authorization": f"Bearer {other.token}", "Accept": "text/event-stream"}
    async with (
        connected(proxy, other, ssl=proxy.trust) as client,
        proxy.http.stream("POST", "/graphql", json={"query": FEED}, headers=live) as stream,
    ):
        await client.subscribe(FEED)
        await client.begun()
        await anext(stream.aiter_lines())
        assert REGISTRY.get_sample_value("fieldgraph_subscriptions") == 2
    await until(lambda: REGISTRY.get_sample_value("fieldgraph_subscriptions") == 0)


async def test_nginx_keeps_one_address_to_so_many_connections(begin, owner, other):
    proxy = await begin(partial(nginx, connections=2))
    async with connected(proxy, owner, ssl=proxy.trust), connected(proxy, other, ssl=proxy.trust):
        assert (await proxy.http.get("/healthz")).status_code == 200  # from another address
        with pytest.raises(InvalidStatus) as refused:
            async with connected(proxy, owner, ssl=proxy.trust):
                pass
        assert refused.value.response.status_code == 503
