"""No redirect leads where a Host header says."""

import httpx
import pytest

from app.settings import settings

WAYS = [
    ("/graphiql", "/graphiql/"),
    ("/graphql", "/graphiql/"),
    ("/osm", "/osm/"),
    ("/account", "/account/"),
    ("/account/sign-up/", "/account/sign-up"),
    ("/metrics/", "/metrics"),
    ("/readyz/?x=1", "/readyz?x=1"),
]
HOSTS = ["evil.example", "evil.example:80", "me@evil.example", "evil.example/x", "[::1]", ""]


ASKED = [(path, leads_to, host) for path, leads_to in WAYS for host in HOSTS]


async def test_a_redirect_leads_to_a_path_of_ours(api):
    for path, leads_to, host in ASKED:
        answer = await api.get(path, headers={"host": host, "accept": "text/html"})
        assert (answer.status_code in {303, 307}, answer.headers["location"]) == (True, leads_to), (path, host)


async def test_in_production_it_leads_to_the_public_address(api, monkeypatch):
    monkeypatch.setattr(settings, "production", True)
    monkeypatch.setattr(settings, "public_url", "https://api.example.org/field/")
    for path, leads_to, host in ASKED:
        answer = await api.get(path, headers={"host": host, "accept": "text/html"})
        assert answer.headers["location"] == f"https://api.example.org/field{leads_to}", (path, host)


@pytest.mark.parametrize("path", ["//evil.example/graphiql", "//evil.example/osm", "/\\\\evil.example/osm"])
async def test_a_path_is_no_host(api, path):
    answer = await api.get(httpx.URL("http://api").copy_with(raw_path=path.encode()), headers={"accept": "text/html"})
    assert not answer.headers.get("location", "").startswith(("//", "/\\", "http"))
