"""How many bytes an account may send, and that the disk is never filled to its end."""

import shutil
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from app.errors import Unavailable
from app.gateways import storage
from app.gateways.storage_probe import Probe
from app.models.kinds.system import SystemRateLimit
from app.settings import settings
from schema import schema
from schema.field_extensions import Limited
from tests.system.test_rate_limits_of_mutations import definition

LINKS = {
    "createLabelUpload": {"format": "GEOJSON"},
    "requestAvatarUpload": {"mediaType": "image/png"},
    "requestConsultingUpload": {"mediaType": "application/pdf"},
    "requestImportUpload": {"fileName": "results.json"},
    "requestMediaArchiveUpload": {},
    "requestPostUpload": {"mediaType": "image/png"},
    "requestTableUpload": {"fileName": "table.csv"},
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
def free(monkeypatch):
    """Says how many bytes are free on the disk."""

    def free(bytes: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=bytes))

    return free


def test_every_mutation_that_gives_a_link_for_a_file_is_here():
    fields = schema._schema.mutation_type.fields
    given = {
        name
        for name in fields
        if any(
            isinstance(each, Limited) and each.rate_limit is SystemRateLimit.UPLOADS
            for each in definition(name).extensions
        )
        and "bytes" in fields[name].args["input"].type.of_type.fields
    }
    assert given == set(LINKS)


@pytest.mark.parametrize("span", ["hour", "day"])
@pytest.mark.parametrize("name", LINKS)
async def test_an_account_sends_so_many_bytes_in_a_while(name, span, change, refuse, owner, other, monkeypatch):
    monkeypatch.setattr(settings, f"upload_bytes_per_{span}_max", 100)
    assert "code" not in await change(name, "bytesMax", viewer=owner, bytes=60, **LINKS[name])
    assert (await refuse(name, viewer=owner, bytes=41, **LINKS[name]))["code"] == "RATE_LIMITED"
    assert (await refuse(name, viewer=owner, bytes=0, **LINKS[name]))["code"] == "INVALID_INPUT"
    assert "code" not in await change(name, "bytesMax", viewer=owner, bytes=40, **LINKS[name])
    assert "code" not in await change(name, "bytesMax", viewer=other, bytes=100, **LINKS[name])


@pytest.mark.parametrize("name", LINKS)
async def test_no_link_is_given_for_what_would_fill_the_disk(name, change, refuse, owner, free):
    free(settings.disk_free_bytes_min + 50)
    assert (await refuse(name, viewer=owner, bytes=51, **LINKS[name]))["code"] == "UNAVAILABLE"
    assert "code" not in await change(name, "bytesMax", viewer=owner, bytes=50, **LINKS[name])


async def test_a_full_disk_refuses_a_file_in_words_and_keeps_nothing(api, change, owner, free, tmp_path):
    made = await change("requestAvatarUpload", "url", viewer=owner, bytes=5, mediaType="image/png")
    url = urlsplit(made["url"]).path
    free(settings.disk_free_bytes_min - 1)
    answer = await api.put(url, content=b"hello", headers={"Content-Type": "image/png"})
    assert answer.status_code == 503
    assert "too little disk space" in answer.json()["errors"][0]["message"]
    free(settings.disk_free_bytes_min)
    assert [path for path in tmp_path.rglob("uploads/*") if path.is_file()] == []
    assert (await api.put(url, content=b"hello", headers={"Content-Type": "image/png"})).status_code == 201


async def test_whatever_writes_a_file_leaves_the_disk_some_room(free, tmp_path):
    free(0)
    (tmp_path / "archive").write_bytes(b"1")
    for source in (b"1", tmp_path / "archive"):
        with pytest.raises(Unavailable, match="too little disk space"):
            await storage.put("exports/1", source)
    await Probe().check()  # what is kept can still be served
