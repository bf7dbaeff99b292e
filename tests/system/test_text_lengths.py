"""Every text of a mutation takes as many characters as its limit says, and refuses one more by name.

The inputs are the schema's and the limits those that the services check: a new one is tried as soon as it is there.
"""

from datetime import UTC, datetime

import pytest
from redis import Redis
from sqlalchemy import update

from app import checks
from app.models.accounts import ApiKey, User
from app.models.choices import Scope
from app.models.mapping.trainings import Model, ModelStatus, Training
from app.models.reports import Report, ReportReason
from app.models.system import Banner
from app.services.accounts.email.tokens import Purpose, token_of
from resolvers import ids
from tests import factories
from tests.system.test_blank_texts import FIELDS, SECRETS
from tests.system.test_inputs import CORE, FIXED, ids_for, put, rows, send

__all__ = ["rows"]
ELSEWHERE = {
    "email": "tests/accounts/test_one_address.py",
    "code": "a code of OpenStreetMap's is compared, not kept",
    "state": "a seal of ours is compared, not kept",
    "secret": "a seal of ours is compared, not kept",
    "token": "a token of ours is compared, not kept",
    "deviceToken": "a token of ours is compared, not kept",
    "upload": "a seal of ours is compared, not kept",
    "redirectUri": "one of those that are set",
    "mediaType": "one of a few",
    "mediaUrl": "a URL has a rule of its own: tests/gateways/test_outside.py",
    "sourceImagery": "a URL has a rule of its own: tests/gateways/test_imagery.py",
    "key": "tags: tests/gateways/test_osm.py",
    0: "tags: tests/gateways/test_osm.py",
    "source": "a URL has a rule of its own: tests/gateways/test_imagery.py",
}
"""Texts that `checks.text` does not measure, and why."""


@pytest.fixture
def measured(monkeypatch):
    """The limits by which texts were measured, by argument."""
    limits = {}
    text = checks.text

    def measure(field, value, *, length_max, is_one_line=True):
        limits[field] = length_max
        return text(field, value, length_max=length_max, is_one_line=is_one_line)

    monkeypatch.setattr(checks, "text", measure)
    return limits


@pytest.fixture
async def every_row(database, rows, owner):
    """An id for every argument, also of what staff and key holders change; the model is published."""
    now = datetime.now(UTC)
    banner = await factories.add(database, Banner(message="Soon.", start_date=now, user_id=owner.id))
    key = {"token_hash": b"0" * 32, "hint": "fg_", "scopes": [Scope.READ]}
    api_key = await factories.add(database, ApiKey(user_id=owner.id, name="laptop", **key))
    post = await factories.post(database, owner.id)
    about = {"subject_type": "Post", "subject_key": post.id, "accused_id": owner.id, "evidence": "Roofs"}
    report = await factories.add(
        database, Report(user_id=ids.key(rows["User"], User), reason=ReportReason.SPAM, **about)
    )
    async with database.writing() as session:
        published = {"status": ModelStatus.PUBLISHED, "published_training_id": ids.key(rows["Training"], Training)}
        await session.execute(update(Model).values(**published))
    return {**rows, "Banner": ids.encode(banner), "ApiKey": ids.encode(api_key), "Report": ids.encode(report)}


TEXTS = [each for each in FIELDS if each[2][-1] not in SECRETS | ELSEWHERE.keys()]


def test_there_are_texts_to_try():
    assert len(TEXTS) > 20


@pytest.mark.parametrize(("field", "name", "path"), TEXTS, ids=str)
async def test_a_text_may_have_as_many_characters_as_its_limit_and_no_more(
    api, redis_url, every_row, owner, staff, measured, field, name, path, monkeypatch
):
    kind = CORE.type_map["Mutation"].fields[field].args[name].type

    async def given(text: str) -> str:
        monkeypatch.setitem(FIXED, "token", token_of(Purpose.SIGN_UP, f"new{len(text)}@fieldgraph.test"))
        with Redis.from_url(redis_url) as client:  # nobody is too fast here
            client.flushdb()
        answers = [
            (await send(api, viewer, "Mutation", field, name, put(kind, path, text, ids_for(field, every_row)))).text
            for viewer in (staff, owner)
        ]
        return "".join(answers)

    answer = await given("Roofs")
    assert path[-1] in measured, f"{field}: no limit was checked, but {answer}; see ELSEWHERE"
    most = measured[path[-1]]
    refusal = f"Use 1 to {most} characters; this has"
    assert refusal not in await given("a" * most)
    assert f"{refusal} {most + 1}." in await given("a" * (most + 1))
