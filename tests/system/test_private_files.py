"""Whatever is written below the home is nobody else's to read, also where the process's umask would allow it."""

import os
import stat
from email.message import EmailMessage

import pytest

from app.gateways import mail, storage, tile_cache
from app.learning.compiled import keep_compiled
from app.operations.processes import instance
from app.security import private_files
from app.settings import settings


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home that is not there yet, of a process that lets everybody read what it creates."""
    mask = os.umask(0o022)
    monkeypatch.setattr(settings, "home", tmp_path / "deep" / "home")
    monkeypatch.setattr(settings, "storage_url", None)
    yield settings.home
    os.umask(mask)


def mode(path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def readable_by_others(home) -> dict[str, str]:
    """What others may do with what is in a home. Through the home itself root's PostgreSQL has to get."""
    assert mode(home) == (0o711 if os.getuid() == 0 else 0o700)
    found = {str(path.relative_to(home)): mode(path) for path in home.rglob("*") if path.name != "postgres"}
    assert found
    return {name: oct(bits) for name, bits in found.items() if bits & 0o077}


async def _pieces():
    yield b"1"
    yield b"2"


def letter() -> EmailMessage:
    message = EmailMessage()
    message["Message-ID"], message["To"], message["Subject"] = "<one@fieldgraph.test>", "ann@fieldgraph.test", "Hello"
    message.set_content("A secret link.")
    return message


async def test_every_kind_of_file(home, monkeypatch, tmp_path):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    with instance.only_one(home):
        instance.announce(home, instance.Running("http://x", "postgresql://x", "redis://x"))
        instance.secret(home)
        await storage.put("trainings/1/model.npz", b"weights")
        await storage.put("archives/2/pieces", _pieces())
        await storage.put_once("uploads/3/avatar", _pieces())
        (tmp_path / "source").write_bytes(b"file")
        await storage.put("pictures/4.png", tmp_path / "source")
        await storage.download("pictures/4.png", home / "backup" / "files" / "4.png")
        mail._keep(letter())
        tile_cache.keep("https://tiles.example/1/2/3", b"png")
        keep_compiled()
        private_files.write(home / "demo.json", "[]")
        assert readable_by_others(home) == {}
        assert {path.name for path in home.iterdir()} >= {
            *(
                "backup",
                "cache",
                "children.lock",
                "compiled",
                "demo.json",
                "files",
                "lock",
                "mail",
                "run.json",
                "secret",
            ),
        }


async def test_what_is_written_over_a_file_of_old_becomes_private(home):
    await storage.put("a/b", b"old")
    (home / "files/a/b").chmod(0o644)
    await storage.put("a/b", b"new")
    old = home / "old.txt"
    old.touch(0o644)
    private_files.write(old, "ü")
    assert (mode(home / "files/a/b"), mode(old), old.read_text()) == (0o600, 0o600, "ü")


def test_what_an_older_version_left_is_restricted_at_the_start(home, tmp_path):
    for name in ("mail/1.eml", "files/deep/er/x.bin", "secret", "postgres/data/PG_VERSION", "private/within"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x")
    (home / "private").chmod(0o700)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("x")
    (home / "link").symlink_to(elsewhere)
    for folder in (home, home / "postgres", home / "postgres/data"):
        folder.chmod(0o755)
    private_files.tighten(home)
    assert set(readable_by_others(home)) == {"link", "postgres/data", "postgres/data/PG_VERSION", "private/within"}
    assert [mode(home / name) for name in ("mail", "mail/1.eml", "files/deep/er", "secret")] == [
        0o700,
        0o600,
        0o700,
        0o600,
    ]
    assert (mode(elsewhere), mode(home / "postgres")) == (0o644, 0o755)


def test_a_home_that_is_stricter_stays_so(home):
    private_files.folder(home)
    private_files.tighten(home)
    private_files.home(home)
    assert mode(home) == mode(home.parent) == 0o700


def test_without_a_home_nothing_is_made(home):
    private_files.tighten(home)
    assert not home.exists()
