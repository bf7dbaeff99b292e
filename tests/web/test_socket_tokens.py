"""The token of a WebSocket in the header of its upgrade, which programs can set and browsers cannot."""

import pytest


async def test_the_token_may_come_in_the_header_of_the_upgrade(connect):
    async with connect(additional_headers={"Authorization": "Bearer viewer-3"}) as talk:
        await talk.init()
        await talk.subscribe("1", "{ viewer }")
        assert (await talk.receive())["payload"]["data"] == {"viewer": 3}


async def test_the_connection_params_go_before_the_header(connect):
    async with connect(additional_headers={"Authorization": "Basic dXNlcjpwYXNz"}) as talk:
        await talk.init(token="viewer-7")
        await talk.subscribe("1", "{ viewer }")
        assert (await talk.receive())["payload"]["data"] == {"viewer": 7}


@pytest.mark.parametrize("header", ["Bearer nobody", "Basic dXNlcjpwYXNz", "viewer-3", "Bearer "])
async def test_a_header_that_does_not_hold_is_refused_and_not_passed_over(connect, header):
    async with connect(additional_headers={"Authorization": header}) as talk:
        await talk.say({"type": "connection_init"})
        assert (await talk.closing())[0] == 4403


async def test_a_token_of_the_header_that_ends_closes_the_socket(connect, served):
    async with connect(additional_headers={"Authorization": "Bearer viewer-3+0.2"}) as talk:
        await talk.init()
        assert (await talk.closing())[0] == 4403
