"""Secrets are encrypted at rest, by keys that have names and can be replaced."""

import pytest
from pydantic import SecretStr

from app.errors import Unavailable
from app.security import encryption, signing
from app.settings import settings

PASSWORD = "correct horse battery"


@pytest.fixture
def replaced(monkeypatch):
    """Replaces the secret; the former one is remembered if it is asked for."""

    def replaced(*, is_remembered):
        former = settings.secret.get_secret_value() if is_remembered else ""
        monkeypatch.setattr(settings, "secret", SecretStr("the next one"))
        monkeypatch.setattr(settings, "secret_previous", SecretStr(former))

    return replaced


def test_a_secret_is_read_again_and_its_token_does_not_tell_it():
    token = encryption.encrypt("test", PASSWORD)
    assert PASSWORD not in token
    assert token != encryption.encrypt("test", PASSWORD)
    assert encryption.decrypt("test", token) == PASSWORD


def test_a_token_names_its_key():
    token = encryption.encrypt("test", PASSWORD)
    assert token.partition(".")[0] == signing.keys()[0].id
    assert encryption.is_current(token)


def test_a_token_is_worth_nothing_for_another_use():
    with pytest.raises(Unavailable, match="Enter it again"):
        encryption.decrypt("other", encryption.encrypt("test", PASSWORD))


@pytest.mark.parametrize("change", [lambda token: token[:-4] + "AAA=", lambda token: "x." + token, lambda _: ""])
def test_a_token_that_was_changed_is_refused(change):
    with pytest.raises(Unavailable):
        encryption.decrypt("test", change(encryption.encrypt("test", PASSWORD)))


def test_a_secret_outlives_the_key_that_encrypted_it(replaced):
    token = encryption.encrypt("test", PASSWORD)
    replaced(is_remembered=True)
    assert encryption.decrypt("test", token) == PASSWORD
    assert not encryption.is_current(token)
    assert encryption.is_current(encryption.encrypt("test", PASSWORD))


def test_without_its_key_a_secret_is_lost_and_this_is_said(replaced):
    token = encryption.encrypt("test", PASSWORD)
    replaced(is_remembered=False)
    with pytest.raises(Unavailable, match="another FIELDGRAPH_SECRET"):
        encryption.decrypt("test", token)
