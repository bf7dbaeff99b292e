"""The Python client of the guide misses nothing when its connection breaks."""

import asyncio
from functools import partial

import httpx

from app.policies import Viewer
from app.services.social.posts import editing
from tests.docs.examples import ADDRESS, examples
from tests.proxy import Proxy

QUERY = "subscription { feedUpdated { post { content } } }"


def client_at(host):
    """The functions of the page's first program, for an API at this address."""
    program = next(each for each in examples("python") if "def subscribe" in each.text).text
    functions = program.partition("with httpx.Client() as client:")[0]
    names = {}
    exec(functions.replace(ADDRESS, f"http://{host}"), names)
    return names


async def test_a_subscription_goes_on_after_its_connection_broke(live, database, owner):
    host, port = live.host.split(":")
    proxy = Proxy((host, int(port)))
    await proxy.mend()
    names = client_at(proxy.host)
    names["HEADERS"]["Authorization"] = f"Bearer {owner.token}"

    async def post(content):
        async with database.writing() as session:
            await editing.create_post(
                session, Viewer(owner.id), parent_id=None, about=None, fields={"content": content}
            )

    with httpx.Client(timeout=60) as http:
        events = names["subscribe"](http, QUERY)
        told = partial(asyncio.to_thread, next, events)
        first = asyncio.create_task(told())
        # Posts until one is told: the subscription begins at a time that nobody sees from here.
        while not first.done():
            await post("before")
            await asyncio.wait({first}, timeout=0.5)
        assert first.result() == {"feedUpdated": {"post": {"content": "before"}}}
        await proxy.cut()
        await post("while it was away")
        following = asyncio.create_task(told())
        await proxy.mend()
        contents = [(await following)["feedUpdated"]["post"]["content"]]
        while contents[-1] == "before":
            contents.append((await told())["feedUpdated"]["post"]["content"])
        assert contents[-1] == "while it was away"
        await asyncio.to_thread(events.close)
    await proxy.cut()
