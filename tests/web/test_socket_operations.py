"""What is wrong with one operation on a socket ends no other."""

import pytest


def nested(depth):
    """A list in lists."""
    return [nested(depth - 1)] if depth else []


async def test_a_large_operation_is_an_operation_as_over_http(connect):
    async with connect() as talk:
        await talk.init()
        await talk.subscribe("1", "subscription { count(everyS: 0.01) }")
        assert (await talk.receive())["type"] == "next"
        texts = {f"text{number}": "x" * 9_000 for number in range(8)}
        echoes = " ".join(f"{name}: echo(text: ${name})" for name in texts)
        document = f"query ({', '.join(f'${name}: String' for name in texts)}) {{ {echoes} }}"
        await talk.subscribe("2", document, **dict([*texts.items()][:6]))
        received = [await talk.receive()]
        while received[-1]["id"] != "2":
            received.append(await talk.receive())
        assert received[-1]["payload"]["data"]["text5"] == "x" * 9_000
        await talk.subscribe("3", document, **texts)
        while received[-1]["id"] != "3":
            received.append(await talk.receive())
        assert received[-1]["type"] == "error"
        assert received[-1]["payload"][0]["extensions"]["code"] == "BAD_REQUEST"
        assert (await talk.receive())["id"] in {"1", "3"}


@pytest.mark.parametrize("bad", ["a\0b", nested(100), [0] * 30_000], ids=["character", "depth", "values"])
async def test_what_an_operation_may_not_hold_ends_that_operation_alone(connect, bad):
    async with connect() as talk:
        await talk.init()
        await talk.subscribe("1", "query ($bad: String!) { echo(text: $bad) }", bad=bad)
        refused = await talk.receive()
        assert (refused["type"], refused["id"]) == ("error", "1")
        assert refused["payload"][0]["extensions"]["code"] == "BAD_REQUEST"
        await talk.subscribe("1", "{ greeting }")
        assert (await talk.receive())["payload"]["data"] == {"greeting": "hello"}
