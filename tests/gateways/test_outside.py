"""Addresses that lead into a private network are refused, however they are spelled or reached."""

import gzip
import socket
import ssl

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from app.errors import Invalid
from app.gateways import outside
from app.gateways.outside import Outage
from app.settings import Settings, settings
from tests.servers import serving

LOOPBACKS = [
    "127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "0177.0.0.1", "2130706433", "localhost", "localhost.",
    "LocalHost", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "0.0.0.0", "0",
]  # fmt: skip
PRIVATE = ["10.1.2.3", "172.16.0.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "[fe80::1]", "[fd00::1]", "[::]",
           "224.0.0.1", "127。0。0。1", "printer", "nas.local", "metadata.google.internal", "router.lan"]  # fmt: skip


async def get(url, *, bytes_max=1_000, s_max=2.0, tries_max=1):
    async with outside.browsing() as client:
        return await outside.fetch(client, url, who="The server", bytes_max=bytes_max, s_max=s_max, tries_max=tries_max)


async def test_authorities_are_read_once_and_not_for_each_errand(monkeypatch):
    read = []
    load = ssl.SSLContext.load_verify_locations
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *given, **by: read.append(load(*given, **by)))
    outside.authorities.cache_clear()
    for _ in range(3):
        async with outside.browsing():
            pass
    assert len(read) == 1
    assert outside.authorities().verify_mode is ssl.CERT_REQUIRED
    assert outside.authorities().check_hostname


@pytest.fixture
def stranger(fakes):
    """A server that is not on the list of allowed hosts."""
    del fakes

    async def secret(_):
        return PlainTextResponse("secret")

    with serving(Starlette(routes=[Route("/", secret)])) as server:
        yield server


@pytest.mark.parametrize("host", LOOPBACKS + PRIVATE)
def test_a_private_host_is_refused_by_its_form(host):
    with pytest.raises(Invalid) as refused:
        outside.check_url("sourceImagery", f"http://{host}:8080/a")
    assert refused.value.field == "sourceImagery"


@pytest.mark.parametrize("host", LOOPBACKS)
async def test_a_spelling_of_loopback_reaches_nothing(stranger, host):
    port = stranger.host.rpartition(":")[2]
    with pytest.raises(Outage, match=r"could not be reached at a public address|has no valid web address"):
        await get(f"http://{host}:{port}/")
    assert not stranger.asked


async def test_a_public_name_that_resolves_to_a_private_address_reaches_nothing(stranger, monkeypatch):
    port = int(stranger.host.rpartition(":")[2])
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
    assert outside.check_url("url", f"http://tiles.example.org:{port}/") == f"http://tiles.example.org:{port}/"
    with pytest.raises(Outage, match="could not be reached at a public address"):
        await get(f"http://tiles.example.org:{port}/")
    assert not stranger.asked


async def test_a_redirect_to_a_private_address_is_not_followed(fakes):
    with pytest.raises(Outage, match="could not be reached at a public address"):
        await get(f"{fakes.url}/broken/redirect-private/18/1/2.png")
    assert sum(fakes.asked.values()) == 1


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/", "http://[/"])
async def test_a_redirect_to_what_is_no_web_address_is_not_followed(fakes, target, monkeypatch):
    async def away(_):
        return Response(status_code=302, headers={"Location": target})

    with serving(Starlette(routes=[Route("/", away)])) as server:
        monkeypatch.setattr(settings, "outside_hosts_allowed", [server.host])
        with pytest.raises(Outage):
            await get(server.url + "/")
        assert server.asked == {"/": 1}


async def test_redirects_come_to_an_end_and_cookies_are_not_kept(monkeypatch):
    cookies = []

    async def again(request):
        cookies.append(request.headers.get("cookie"))
        reply = RedirectResponse("/")
        reply.set_cookie("who", "you")
        return reply

    with serving(Starlette(routes=[Route("/", again)])) as server:
        monkeypatch.setattr(settings, "outside_hosts_allowed", [server.host])
        with pytest.raises(Outage, match="redirected too many times"):
            await get(server.url + "/")
    assert cookies == [None] * (settings.outside_redirects_max + 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Give a complete URL that starts with https:// or http://."),
        ("tiles.example.org/a", "Give a complete URL that starts with https:// or http://."),
        ("ftp://example.org/", "Give a complete URL that starts with https:// or http://."),
        ("file:///etc/passwd", "Give a complete URL that starts with https:// or http://."),
        ("http://", "Give a complete URL that starts with https:// or http://."),
        ("http://example.org:port/", "This is not a web address."),
        ("http://exa mple.org/", "This is not a web address."),
        ("http://①②⑦.⓪.⓪.①/", "This is not a web address."),
        ("https://me:secret@example.org/", "Leave out the user name and password, because the URL is public."),
        ("https://example.org/" + "a" * 200, "Use at most 200 characters; this has 220."),
    ],
)
def test_what_is_no_address_gets_a_sentence(text, sentence):
    with pytest.raises(Invalid) as refused:
        outside.check_url("url", text)
    assert refused.value.message == sentence


def test_a_public_address_is_taken_without_the_space_around_it():
    assert outside.check_url("url", " https://tiles.example.org/a ") == "https://tiles.example.org/a"


def test_an_allowed_host_is_allowed_at_its_port_only(fakes):
    assert outside.check_url("url", fakes.url) == fakes.url
    with pytest.raises(Invalid):
        outside.check_url("url", "http://127.0.0.1:1/")


def test_allowed_hosts_are_split_at_commas(monkeypatch):
    monkeypatch.setenv("FIELDGRAPH_OUTSIDE_HOSTS_ALLOWED", "127.0.0.1:8000, Tiles.intern ,")
    assert Settings().outside_hosts_allowed == ["127.0.0.1:8000", "tiles.intern"]


async def test_a_reply_over_the_limit_is_dropped(fakes):
    with pytest.raises(Outage, match="sent more than 1,000 bytes") as refused:
        await get(f"{fakes.url}/broken/huge/1/1/1.png")
    assert not refused.value.heals


async def test_a_reply_that_unpacks_to_more_than_the_limit_is_dropped(monkeypatch):
    async def bomb(_):
        return Response(gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"})

    async def unasked(_):
        return Response(b"(\xb5/\xfd", headers={"Content-Encoding": "zstd"})

    with serving(Starlette(routes=[Route("/bomb", bomb), Route("/unasked", unasked)])) as server:
        monkeypatch.setattr(settings, "outside_hosts_allowed", [server.host])
        with pytest.raises(Outage, match="sent more than 100,000 bytes"):
            await get(server.url + "/bomb", bytes_max=100_000)
        with pytest.raises(Outage, match="unexpected encoding"):
            await get(server.url + "/unasked")


@pytest.mark.parametrize("mode", ["never", "slow"])
async def test_a_server_that_takes_its_time_is_left(fakes, mode):
    with pytest.raises(Outage, match=r"did not answer within 0\.3 s") as refused:
        await get(f"{fakes.url}/broken/{mode}/1/1/1.png", s_max=0.3)
    assert refused.value.heals


@pytest.mark.parametrize(("status", "heals"), [(404, False), (403, False), (429, True), (500, True), (503, True)])
async def test_only_what_may_heal_is_tried_again(fakes, status, heals):
    with pytest.raises(Outage, match=f"The server answered {status}.") as refused:
        await get(f"{fakes.url}/broken/{status}/1/1/1.png", tries_max=3)
    assert (refused.value.heals, refused.value.status) == (heals, status)
    assert sum(fakes.asked.values()) == (3 if heals else 1)


async def test_a_port_where_nobody_listens_may_heal():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    settings.outside_hosts_allowed.append(f"127.0.0.1:{port}")
    with pytest.raises(Outage, match="could not be reached") as refused:
        await get(f"http://127.0.0.1:{port}/")
    assert refused.value.heals


async def test_no_proxy_of_the_environment_is_used(fakes, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    reply = await get(f"{fakes.url}/osm/v1/status/")
    assert (reply.status, reply.media_type) == (200, "application/json")
