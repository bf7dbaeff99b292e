"""The page that links in mails lead to asks for what there is, and loads nothing from elsewhere."""

import re

import pytest
from graphql import parse, validate

from app.web.account_pages import FILES, NAMES
from schema import schema


@pytest.mark.parametrize("name", [*NAMES, "page.js"])
async def test_a_link_leads_to_a_page(api, name):
    reply = await api.get(f"/account/{name}")
    assert reply.status_code == 200
    assert "script-src 'self'" in reply.headers["content-security-policy"]
    assert reply.headers["referrer-policy"] == "no-referrer"


async def test_there_is_no_other_page(api):
    assert (await api.get("/account/other")).status_code == 404


def test_what_the_page_asks_is_valid():
    documents = re.findall(r'"(mutation .+)"', (FILES / "page.js").read_text())
    assert len(documents) == 4
    for document in documents:
        assert validate(schema._schema, parse(document)) == []
