"""Whatever is watched, by whomever, the first event is the same whether a plan or graphql-core reads its rows."""

import re
from base64 import urlsafe_b64decode

import pytest
from graphql import OperationType
from hypothesis import assume, given, note
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.plan.both import Answer, check_log, compare, post
from tests.plan.operations import operations
from tests.plan.rows import world
from tests.plan.search import OPERATIONS, SEED, many, tried

TEXT = re.compile(rb'"([\w-]+)"')
# A place in the order of events; other transactions move it.
PLACE = re.compile(rb"\d+\.\d+\.\d+")

BEGIN_WITH_SILENCE = {
    "notificationReceived",
    "friendshipChanged",
    "messageReceived",
    "typing",
    "feedUpdated",
    "bannerChanged",
}


def without_place(answer: Answer) -> Answer:
    def masked(found: re.Match[bytes]) -> bytes:
        text = found[1]
        is_place = PLACE.fullmatch(urlsafe_b64decode(text + b"=" * (-len(text) % 4))) if len(text) % 4 != 1 else False
        return b'"a place"' if is_place else found[0]

    return answer._replace(body=TEXT.sub(masked, answer.body))


@pytest.mark.fuzz
@many(OPERATIONS // 10)
@given(
    viewer=st.sampled_from([None, "owner", "other", "staff"]),
    operation=operations(world(SEED), OperationType.SUBSCRIPTION),
)
async def test_any_subscription_begins_with_one_event(sound, viewer, operation):
    assume(not any(name in operation.document for name in BEGIN_WITH_SILENCE))
    note(f"SEED={SEED}\n{operation.document}\n{operation.variables}")
    with capture_logs() as lines:
        planned, plain = [
            without_place(await post(app, operation.request(), viewer, accept="text/event-stream"))
            for app in (sound.planned, sound.plain)
        ]
    compare(planned, plain)
    check_log(lines)
    tried["subscriptions"] += 1
