"""Who a client is, behind proxies of ours, behind others', and when it says so itself."""

from ipaddress import ip_network

import httpx
import pytest
from pydantic import ValidationError

from app.settings import Settings, settings
from app.web.proxies import BY_PROXY, LOCAL, Proxies

OURS = Proxies((*LOCAL, ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48")))


def resolved(*headers, client="10.0.0.1", proxies=OURS, kind="http"):
    """The client's address and scheme as they are known after the proxy."""
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scheme = "http" if kind == "http" else "ws"
    scope = {
        "type": kind,
        "scheme": scheme,
        "client": None if client is None else (client, 7),
        "headers": encoded,
    }
    proxies.resolve(scope)
    return scope["client"][0] if scope["client"] else None, scope["scheme"]


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("198.51.100.1, 192.0.2.7", "192.0.2.7"),
        ("198.51.100.1, 192.0.2.7, 10.9.9.9", "192.0.2.7"),
        ("127.0.0.1, 192.0.2.7, 10.9.9.9, ::1", "192.0.2.7"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:db8::7, 2001:db8:1::2", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, unknown", "10.0.0.1"),
        ("192.0.2.7, ", "10.0.0.1"),
        ("192.0.2.7, unknown, 10.0.0.2", "10.0.0.2"),
        ("", "10.0.0.1"),
        ("ü\x00", "10.0.0.1"),
        (", ".join(["192.0.2.7", *["10.0.0.2"] * 1_000]), "10.0.0.2"),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy_of_ours(told, address):
    assert resolved(("x-forwarded-for", told))[0] == address


def test_a_header_that_came_twice_is_read_as_one():
    assert resolved(("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "192.0.2.7, 10.0.0.2"))[0] == "192.0.2.7"


@pytest.mark.parametrize("client", ["192.0.2.66", "11.0.0.1", "2001:db8:2::1", "nonsense"])
@pytest.mark.parametrize("header", ["X-Forwarded", "Forwarded"])
def test_who_is_no_proxy_of_ours_is_not_believed(monkeypatch, client, header):
    monkeypatch.setattr(settings, "forwarded_header", header)
    told = [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=127.0.0.1;proto=https"),
    ]
    assert resolved(*told, client=client) == (client, "http")


def test_only_the_header_that_our_proxies_write_is_read(monkeypatch):
    told = [("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=192.0.2.8"), ("x-real-ip", "192.0.2.9")]
    assert resolved(*told)[0] == "192.0.2.7"
    monkeypatch.setattr(settings, "forwarded_header", "Forwarded")
    assert resolved(*told)[0] == "192.0.2.8"
    assert resolved(told[0])[0] == "10.0.0.1"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("for=192.0.2.7;proto=https", ("192.0.2.7", "https")),
        ('For="[2001:db8::7]:4711"; Proto=HTTPS', ("2001:db8::7", "https")),
        ('for=198.51.100.1, for="192.0.2.7";by=10.0.0.2;host=evil.example', ("192.0.2.7", "http")),
        ('for="a\\",for=198.51.100.1", for=192.0.2.7', ("192.0.2.7", "http")),
        ("for=192.0.2.7, for=_hidden", ("10.0.0.1", "http")),
        ("for=192.0.2.7, for=unknown, for=10.0.0.2", ("10.0.0.2", "http")),
        ("for=192.0.2.7, ???", ("10.0.0.1", "http")),
        ("proto=https", ("10.0.0.1", "https")),
        ("", ("10.0.0.1", "http")),
    ],
)
def test_the_header_of_rfc_7239(monkeypatch, told, expected):
    monkeypatch.setattr(settings, "forwarded_header", "Forwarded")
    assert resolved(("forwarded", told)) == expected


@pytest.mark.parametrize(
    ("told", "kind", "scheme"),
    [
        ("https", "http", "https"),
        ("HTTPS ", "http", "https"),
        ("http, https", "http", "https"),
        ("https, http", "http", "http"),
        ("gopher", "http", "http"),
        ("https", "websocket", "wss"),
    ],
)
def test_the_scheme_is_what_the_nearest_proxy_says(told, kind, scheme):
    assert resolved(("x-forwarded-proto", told), kind=kind)[1] == scheme


@pytest.mark.parametrize("client", [None, ""])
def test_a_socket_file_leads_to_a_proxy_where_the_settings_say_so(client):
    told = ("x-forwarded-for", "192.0.2.7")
    assert resolved(told, client=client)[0] == "192.0.2.7"
    assert resolved(told, client=client, proxies=Proxies((ip_network("10.0.0.0/8"),)))[0] == client


def test_the_settings_take_addresses_networks_and_unix(monkeypatch):
    monkeypatch.setenv("FIELDGRAPH_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1,::1, UNIX")
    networks = ["10.0.0.0/8", "192.0.2.1/32", "::1/128"]
    assert Settings().trusted_proxies == [*map(ip_network, networks), "unix"]
    monkeypatch.setenv("FIELDGRAPH_TRUSTED_PROXIES", "")
    assert Settings().trusted_proxies == []
    for wrong in ("*", "10.0.0.1/8", "proxy.example.org"):
        monkeypatch.setenv("FIELDGRAPH_TRUSTED_PROXIES", wrong)
        with pytest.raises(ValidationError, match="is neither an address, nor a network"):
            Settings()


QUERY = {"query": "{ greeting }"}


@pytest.mark.parametrize("is_plain", [True, False])
@pytest.mark.parametrize("trusted", [True, False])
async def test_both_ways_through_the_server_know_the_client(serve, monkeypatch, is_plain, trusted):
    """A plain POST, and one with a header that sends it the ordinary way."""
    monkeypatch.setattr(settings, "trusted_proxies", [ip_network("127.0.0.0/8" if trusted else "10.0.0.0/8")])
    told = {"x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https"} | ({} if is_plain else {"expect": ""})
    async with serve() as served, httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=60) as http:
        answer = await http.post("/graphql", json=QUERY, headers=told)
        assert [caller.address for caller in served.journal.callers] == ["192.0.2.7" if trusted else "127.0.0.1"]
    assert ("strict-transport-security" in answer.headers) is trusted


async def test_a_socket_knows_the_client(serve, monkeypatch, connect):
    monkeypatch.setattr(settings, "trusted_proxies", [ip_network("127.0.0.0/8")])
    told = {"x-forwarded-for": "198.51.100.9, 192.0.2.7"}
    async with serve() as served, connect(served.socket_url, additional_headers=told) as talk:
        await talk.init()
        await talk.subscribe("1", "subscription { count(to: 1, everyS: 0) }")
        await talk.receive()
        assert {caller.address for caller in served.journal.callers} == {"192.0.2.7"}


def test_what_came_by_a_proxy_is_known_for_that():
    scope = {"type": "http", "scheme": "http", "client": ("10.0.0.1", 1), "headers": []}
    OURS.resolve(scope)
    assert scope[BY_PROXY] is False
    strange = {**scope, "client": ("192.0.2.1", 1)}
    del strange[BY_PROXY]
    OURS.resolve(strange)
    assert BY_PROXY not in strange
