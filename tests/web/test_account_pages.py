"""The pages that links in mails lead to ask for what there is, look alike, and load nothing from elsewhere."""

import re
from urllib.parse import urljoin, urlsplit

import pytest
from graphql import parse, validate

from app.services.system.digests import unsubscribe_url
from app.web.routes.pages.account_pages import FILES, NAMES
from app.web.routes.pages.static_pages import PAGES
from schema import schema


@pytest.mark.parametrize("name", [*NAMES, "page.js"])
async def test_a_link_leads_to_a_page(api, name):
    reply = await api.get(f"/account/{name}")
    assert reply.status_code == 200
    assert "script-src 'self'" in reply.headers["content-security-policy"]
    assert reply.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path", ["/osm/", "/account/sign-up", urlsplit(unsubscribe_url(1, "ann@fieldgraph.test")).path]
)
async def test_our_small_pages_look_alike(api, path):
    reply = await api.get(path)
    assert "style-src 'self'" in reply.headers["content-security-policy"]
    [style] = re.findall('<link rel="stylesheet" href="(.+?)"', reply.text)
    reply = await api.get(urljoin(path, style))
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/css; charset=utf-8")


async def test_a_link_that_ends_no_mails_shows_a_page(api, unchanged):
    for method in ("GET", "POST"):
        async with unchanged():
            reply = await api.request(method, "/unsubscribe/MQ.bad<script>")
        assert (reply.status_code, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "<h1>You are still subscribed</h1>" in reply.text
        assert "<script>" not in reply.text


async def test_the_account_has_a_first_page(api):
    reply = await api.get("/account")
    assert (reply.status_code, urljoin("http://api/account", reply.headers["location"])) == (307, "http://api/account/")


@pytest.mark.parametrize("path", ["/", "/look/anything", "/pages/map.js", "/pages/land.json", "/pages/look/page.js"])
async def test_our_pages_load_no_script_or_style_of_others(api, path):
    reply = await api.get(path)
    assert reply.status_code == 200
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'; " in policy
    assert "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" in policy
    # Only what is looked at has pictures that lie elsewhere.
    assert ("https:" in policy) == path.startswith("/look/")


@pytest.mark.parametrize("at", ["/", "/look/anything", "/osm/", "/account/sign-up", "/unsubscribe/x"])
async def test_our_pages_have_one_head(api, at):
    html = (await api.get(at)).text
    [head] = re.findall(r"<head>(.+?)</head>", html, re.DOTALL)
    shared = re.sub(r"<title>.+?</title>|<script .+?</script>|<link rel=\"stylesheet\" .+?/>", "", head)
    [layout] = re.findall(r"<head>(.+?)</head>", (PAGES / "layout.html").read_text(), re.DOTALL)
    assert shared.split() == re.sub(r"<title>.+?</title>|\$links", "", layout).split()
    for path in re.findall(r'(?:src|href)="([^"#:]+\.(?:js|css))"', html):
        assert (await api.get(urljoin(at, path))).status_code == 200, path


async def test_every_module_that_a_script_names_is_there(api):
    for script in PAGES.rglob("*.js"):
        for path in re.findall(r'from ["\'](.+?)["\']', script.read_text()):
            is_served_beside = script.parent.name in {"osm", "account"}
            at = f"/{'' if is_served_beside else 'pages/'}{script.relative_to(PAGES).as_posix()}"
            assert (await api.get(urljoin(at, path))).status_code == 200, (script, path)


async def test_there_is_no_other_page(api):
    assert (await api.get("/account/other")).status_code == 404


def test_what_the_page_asks_is_valid():
    documents = re.findall(r'"(mutation .+)"', (FILES / "page.js").read_text())
    assert len(documents) == 7
    for document in documents:
        assert validate(schema._schema, parse(document)) == []
