"""Everybody is told what they may still spend, and plain routes are charged as operations are."""

import pytest

from app.settings import settings


def told(response) -> int:
    return int(response.headers["ratelimit"].split(";")[1].removeprefix("r="))


@pytest.mark.parametrize("signed_in", [True, False])
async def test_a_query_says_what_the_headers_say(ask, api, owner, signed_in):
    viewer = owner if signed_in else None
    document = "{ rateLimit { payer limit remaining reset } }"
    before = (await ask(document, viewer=viewer))["rateLimit"]
    answer = await ask(document, viewer=viewer)
    payer, limit = (
        ("viewer", settings.viewer_cost_per_minute_max)
        if signed_in
        else ("address", settings.address_cost_per_minute_max)
    )
    assert (before["payer"], before["limit"]) == (payer, limit)
    assert answer.extensions["cost"]["remaining"] <= answer["rateLimit"]["remaining"] < before["remaining"]
    assert 0 < answer["rateLimit"]["reset"] <= 120


PLAIN = [
    "/thumbnails/1.png", "/tiles/labels/18/139170/93217.mvt", "/avatars/" + "0" * 32 + "/64.webp",
    "/exports/nothing", "/features/nothing", "/files/nothing", "/unsubscribe/nothing", "/account/sign-up",
    "/nowhere",
]  # fmt: skip


@pytest.mark.parametrize("path", PLAIN)
async def test_a_plain_route_is_charged_and_says_what_is_left(api, path):
    api._transport.client = (f"198.51.100.{100 + PLAIN.index(path)}", 1)
    first, second = await api.get(path), await api.get(path)
    assert first.headers["ratelimit-policy"] == f'"address";q={settings.address_cost_per_minute_max};w=60'
    assert told(second) < told(first)


@pytest.mark.parametrize("path", PLAIN)
async def test_whoever_has_nothing_left_is_turned_away(api, path, monkeypatch):
    monkeypatch.setattr("app.web.graphql.operations.bill.POINT_S", 1e-9)  # every one of them is dear
    api._transport.client = ("198.51.100.7", 1)
    answers = [await api.get(path) for _ in range(4)]
    assert answers[-1].status_code == 429
    assert answers[-1].json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_with_a_token_it_is_the_viewer_who_pays(api, owner):
    headers = {"authorization": f"Bearer {owner.token}"}
    response = await api.get("/tiles/labels/18/139170/93217.mvt", headers=headers)
    assert response.headers["ratelimit"].startswith('"viewer";')


async def test_health_is_answered_whatever_happens(api, monkeypatch):
    monkeypatch.setattr("app.web.graphql.operations.bill.POINT_S", 1e-9)
    api._transport.client = ("198.51.100.8", 1)
    for _ in range(3):
        await api.get("/nowhere")
    assert (await api.get("/nowhere")).status_code == 429
    assert (await api.get("/healthz")).status_code == 200
