"""A request that would rather speak HTTP/2 is answered in HTTP/1.1, with all that it asked for."""

import asyncio
import json

import pytest

from tests.web.test_fast_path import connected

H2C = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"


def post(query, more=b"", close=False):
    body = json.dumps({"query": query}).encode()
    head = b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\naccept: application/json\r\n"
    return head + b"content-length: %d\r\n" % len(body) + more + b"\r\n" + body


def said(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    return json.loads(body)["data"]


@pytest.mark.parametrize(
    "more",
    [
        H2C,
        b"Connection: upgrade\r\nUpgrade: h2c\r\n",
        b"connection: keep-alive, Upgrade\r\nupgrade: TLS/1.0, HTTP/2.0\r\n",
        b"connection: Upgrade\r\nconnection: HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n",
    ],
)
async def test_an_upgrade_to_what_we_do_not_speak_is_ignored(served, more):
    async with connected(served) as wire:
        for _ in range(2):  # and the connection goes on
            wire.say(post("{ greeting }", more))
            assert said(await wire.receive()) == {"greeting": "hello"}
        wire.say(post('{ echo(text: "one") }', more), post('{ echo(text: "two") }'))
        assert [said(await wire.receive()) for _ in range(2)] == [{"echo": "one"}, {"echo": "two"}]


@pytest.mark.parametrize("piece", [1, 7, 64])
async def test_it_may_come_in_pieces(served, piece):
    whole = post("{ greeting }", H2C)
    async with connected(served) as wire:
        for start in range(0, len(whole), piece):
            wire.say(whole[start : start + piece])
            await wire.writer.drain()
            if piece > 1:
                await asyncio.sleep(0.001)
        assert said(await wire.receive()) == {"greeting": "hello"}


async def test_a_body_in_chunks_is_read_to_its_end(served):
    body = json.dumps({"query": "{ greeting }"}).encode()
    head = post("{ greeting }", H2C).partition(b"content-length")[0]
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    async with connected(served) as wire:
        wire.say(head + b"transfer-encoding: chunked\r\n" + H2C + b"\r\n" + chunks)
        assert said(await wire.receive()) == {"greeting": "hello"}


async def test_a_get_is_answered_too(served):
    async with connected(served) as wire:
        wire.say(b"GET /graphql?query=%7Bgreeting%7D HTTP/1.1\r\nhost: a\r\n" + H2C + b"\r\n")
        assert said(await wire.receive()) == {"greeting": "hello"}


async def test_a_tunnel_is_refused(served):
    async with connected(served) as wire:
        wire.say(b"CONNECT a:80 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert (await wire.rest()).startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("piece", [5, 100])
async def test_who_speaks_http2_without_asking_is_told_in_words(served, piece):
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
    async with connected(served) as wire:
        for start in range(0, len(preface), piece):
            wire.say(preface[start : start + piece])
        answer = await wire.reader.read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"This server speaks HTTP/1.1." in answer
