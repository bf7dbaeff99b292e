"""Every text of a mutation takes as many characters as its limit says, and refuses one more by name.

The inputs are the schema's and the limits those that the services check: a new one is tried as soon as it is there.
"""

import pytest
from redis import Redis

from app import checks
from tests.system.test_blank_texts import FIELDS, SECRETS
from tests.system.test_inputs import CORE, ids_for, put, rows, send

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


TEXTS = [each for each in FIELDS if each[2][-1] not in SECRETS | ELSEWHERE.keys()]


def test_there_are_texts_to_try():
    assert len(TEXTS) > 20


@pytest.mark.parametrize(("field", "name", "path"), TEXTS, ids=str)
async def test_a_text_may_have_as_many_characters_as_its_limit_and_no_more(
    api, redis_url, rows, owner, staff, measured, field, name, path
):
    kind = CORE.type_map["Mutation"].fields[field].args[name].type

    async def given(text: str) -> str:
        with Redis.from_url(redis_url) as client:  # nobody is too fast here
            client.flushdb()
        answers = [
            (await send(api, viewer, "Mutation", field, name, put(kind, path, text, ids_for(field, rows)))).text
            for viewer in (staff, owner)
        ]
        return "".join(answers)

    await given("Roofs")
    assert path[-1] in measured, f"{field}: no limit was checked; use `checks.text`, or say why not in ELSEWHERE"
    most = measured[path[-1]]
    refusal = f"Use 1 to {most} characters; this has"
    assert refusal not in await given("a" * most)
    assert f"{refusal} {most + 1}." in await given("a" * (most + 1))
