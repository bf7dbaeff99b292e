"""What is signed names its key; keys are replaced, and what they have signed holds until it expires."""

import pytest
from itsdangerous import BadSignature, SignatureExpired, TimestampSigner, URLSafeSerializer, URLSafeTimedSerializer
from pydantic import SecretStr

from app.security import signing
from app.security.signing import Seal, TimedSeal, derived
from app.settings import settings

NEW, OLD, OLDEST = ("n" * 40, "o" * 40, "p" * 40)


def use(monkeypatch, secret, previous=""):
    monkeypatch.setattr(settings, "secret", SecretStr(secret))
    monkeypatch.setattr(settings, "secret_previous", SecretStr(previous))


@pytest.mark.parametrize(("seal", "age"), [(Seal("files"), {}), (TimedSeal("files"), {"s_max": 60})])
def test_what_an_old_key_signed_opens_until_the_key_is_taken_away(monkeypatch, seal, age):
    use(monkeypatch, OLD)
    token = seal.dumps([1, "ü"])
    use(monkeypatch, NEW, f"{OLDEST}, {OLD}")
    assert seal.loads(token, **age) == [1, "ü"]
    assert seal.dumps([1, "ü"]).partition(".")[0] == signing.keys()[0].id != token.partition(".")[0]
    use(monkeypatch, NEW, OLDEST)
    with pytest.raises(BadSignature):
        seal.loads(token, **age)


@pytest.mark.parametrize("previous", ["", OLDEST])
def test_what_was_signed_before_keys_had_ids_opens(monkeypatch, previous):
    use(monkeypatch, NEW, f"{OLD},{previous}")
    for secret in (NEW, OLD):
        plain = URLSafeSerializer(secret, salt="files", signer_kwargs=signing.SHA256).dumps([1])
        timed = URLSafeTimedSerializer(secret, salt="files", signer_kwargs=signing.SHA256).dumps([1])
        assert Seal("files").loads(plain) == TimedSeal("files").loads(timed, s_max=60) == [1]


def test_a_key_opens_only_what_it_has_signed_for_one_use(monkeypatch):
    use(monkeypatch, NEW, OLD)
    new, old = signing.keys()
    token = Seal("files").dumps([1])
    signed = token.partition(".")[2]
    with pytest.raises(BadSignature):
        Seal("uploads").loads(token)
    for forged in (f"{old.id}.{signed}", f"{new.id}.", f"{new.id}.{signed}x", f"{new.id}.{token}", "", ".", "ü.ü.ü"):
        with pytest.raises(BadSignature):
            Seal("files").loads(forged)


def test_what_an_old_key_signed_expires_as_well(monkeypatch):
    use(monkeypatch, OLD)
    named = TimedSeal("files").dumps([1])
    unnamed = named.partition(".")[2]
    use(monkeypatch, NEW, f"{OLD},{OLDEST}")
    now = TimestampSigner.get_timestamp
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda signer: now(signer) + 61)
    for token in (named, unnamed):
        with pytest.raises(SignatureExpired):
            TimedSeal("files").loads(token, s_max=60)


def test_what_is_derived_follows_the_key_of_its_token(monkeypatch):
    use(monkeypatch, OLD)
    token, made = Seal("state").dumps([1]), derived("verifier", "text")
    use(monkeypatch, NEW, OLD)
    assert derived("verifier", "text", like=token) == made != derived("verifier", "text")
    assert derived("other", "text", like=token) != made


def test_an_id_tells_nothing_of_its_secret_and_is_the_same_everywhere(monkeypatch):
    use(monkeypatch, NEW, f" {OLD} ,,{NEW},")
    new, old = signing.keys()
    assert (new.secret, old.secret) == (NEW, OLD)
    assert len({new.id, old.id}) == 2
    assert [len(key.id) for key in (new, old)] == [8, 8]
    assert all(key.id not in key.secret for key in (new, old))


def test_without_a_secret_nothing_is_signed_nor_opened(monkeypatch):
    use(monkeypatch, " ", OLD)
    for attempt in (lambda: Seal("files").dumps(1), lambda: Seal("files").loads("x"), lambda: derived("use", "text")):
        with pytest.raises(RuntimeError, match="FIELDGRAPH_SECRET"):
            attempt()
