"""A proxy that falls silent before what is asked over HTTP or SMTP: a failure in words, in time, and all goes on."""

import asyncio
from contextlib import asynccontextmanager
from email.message import EmailMessage

import pytest
from pydantic import SecretStr
from shapely import box
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.errors import Unavailable
from app.gateways import imagery, mail, oauth, storage
from app.gateways.osm import overpass, rawdata
from app.gateways.outside import Outage
from app.geometry.tiles import Tile
from app.settings import settings
from tests.mailbox import Mailbox, receiving
from tests.object_store import ObjectStore, environment
from tests.proxy import proxied
from tests.servers import serving
from tests.silence import in_time, shorten_deadlines

SQUARE = box(12.0, 46.0, 12.001, 46.001)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Deadlines that a test can wait for."""
    shorten_deadlines(monkeypatch)


@asynccontextmanager
async def silent_before(host):
    """A proxy before a server that falls silent at once, though it takes connections."""
    async with proxied(("127.0.0.1", int(host.rpartition(":")[2]))) as proxy:
        yield proxy


async def test_the_object_store(monkeypatch):
    store = ObjectStore()
    with serving(store) as server:
        async with silent_before(server.host) as proxy:
            for name, value in environment(proxy.host).items():
                monkeypatch.setenv(name, value)
            monkeypatch.setattr(settings, "storage_url", "s3://files")
            await storage.put("a/one", b"one")
            assert await storage.get("a/one") == b"one"
            proxy.silence()
            for work in (
                lambda: storage.put("a/two", b"two"),
                lambda: storage.get("a/one"),
                lambda: storage.size("a/one"),
                lambda: storage.delete("a/one"),
                lambda: storage.delete_all(["a/one"]),
            ):
                with pytest.raises(Unavailable):
                    await in_time(work())
            proxy.speak()
            await in_time(storage.put("a/three", b"three"))
            assert await in_time(storage.get("a/three")) == b"three"
            await in_time(storage.delete("a"))
    assert store.kept == {}


async def test_a_download_that_stops_in_the_middle(monkeypatch):
    store = ObjectStore()
    with serving(store) as server:
        async with silent_before(server.host) as proxy:
            for name, value in environment(proxy.host).items():
                monkeypatch.setenv(name, value)
            monkeypatch.setattr(settings, "storage_url", "s3://files")
            store.kept["big"] = bytes(32_000_000)
            with pytest.raises(Unavailable):
                await in_time(read_slowly(proxy))


async def read_slowly(proxy):
    async for _ in storage.stream("big"):
        proxy.silence()


def letter():
    message = EmailMessage()
    for name, value in {"From": "f@example.org", "To": "a@example.org", "Message-ID": "<1@x>"}.items():
        message[name] = value
    message.set_content("Hello")
    return message


async def test_the_mail_server(monkeypatch):
    box = Mailbox()
    async with receiving(box) as place, silent_before(place) as proxy:
        monkeypatch.setattr(settings, "smtp_url", SecretStr(f"smtp://{proxy.host}"))
        proxy.silence()
        with pytest.raises(Outage) as outage:
            await in_time(mail.send(letter()))
        assert outage.value.heals
        assert not box.mails
        proxy.speak()
        await in_time(mail.send(letter()))
        assert len(box.mails) == 1


async def test_a_mail_server_that_says_a_word_now_and_then(monkeypatch):
    monkeypatch.setattr(settings, "smtp_mail_s_max", 1)
    box = Mailbox()
    async with receiving(box) as place, silent_before(place) as proxy:
        monkeypatch.setattr(settings, "smtp_url", SecretStr(f"smtp://{proxy.host}"))
        monkeypatch.setattr(settings, "smtp_s_max", 10)
        proxy.delay_s = 0.4
        with pytest.raises(Outage, match="did not accept an email within 1 s") as outage:
            await in_time(mail.send(letter()))
        assert outage.value.heals
        await asyncio.sleep(3)  # its thread leaves by itself


ASKED = {
    "raw data": lambda: rawdata.fetch(SQUARE, {"building": ()}),
    "Overpass": lambda: overpass.fetch(SQUARE, {"building": ()}),
    "imagery": lambda: imagery.fetch_picture(f"{settings.public_url}/{{z}}/{{x}}/{{y}}", Tile(18, 1, 2)),
    "TileJSON": lambda: imagery.fetch_picture(f"{settings.public_url}/tiles.json", Tile(18, 1, 2)),
    "OAuth": lambda: oauth.identify(code="c", redirect_uri="https://x.example/osm/", verifier="v"),
}


@pytest.mark.parametrize("answers_only", [False, True], ids=["both ways", "answers only"])
@pytest.mark.parametrize("name", ASKED)
async def test_what_others_serve(name, answers_only, monkeypatch, tmp_path):
    async def teapot(_request):
        return PlainTextResponse("no", status_code=418)

    everything = Starlette(routes=[Route("/{path:path}", teapot, methods=["GET", "POST"])])
    with serving(everything) as server:
        async with silent_before(server.host) as proxy:
            monkeypatch.setattr(settings, "home", tmp_path)
            monkeypatch.setattr(settings, "outside_hosts_allowed", [proxy.host])
            monkeypatch.setattr(settings, "osm_client_id", "us")
            for setting in ("osm_features_url", "osm_overpass_url", "osm_url", "public_url"):
                monkeypatch.setattr(settings, setting, f"http://{proxy.host}")
            proxy.silence(answers_only=answers_only)
            with pytest.raises(Outage) as outage:
                await in_time(ASKED[name]())
            assert outage.value.heals
            assert "did not answer within 1 s" in outage.value.message
            proxy.speak()
            with pytest.raises(Outage) as outage:
                await in_time(ASKED[name]())
            assert outage.value.status == 418
