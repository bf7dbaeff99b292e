"""Whatever is asked, by whomever, the plan and graphql-core give the same answer."""

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from tests.plan.both import Both
from tests.plan.operations import Operation, operations
from tests.plan.rows import world
from tests.plan.search import OPERATIONS, SEED, many, tried

VIEWERS = st.lists(st.sampled_from([None, "owner", "other", "staff"]), min_size=1, unique=True)


async def ask_as_each(both: Both, viewers: list[str | None], operation: Operation) -> None:
    note(f"SEED={SEED}\n{operation.document}\n{operation.variables}")
    await both.ask_at_once(operation.request(), viewers)
    tried["queries"] += len(viewers)


@pytest.mark.fuzz
@many(OPERATIONS)
@given(viewers=VIEWERS, operation=operations(world(SEED)))
async def test_any_query_has_one_answer(sound, viewers, operation):
    await ask_as_each(sound, viewers, operation)


@pytest.mark.fuzz
@many(OPERATIONS // 4)
@given(viewers=VIEWERS, operation=operations(world(SEED, is_torn=True)))
async def test_what_is_missing_makes_the_same_places_null(torn, viewers, operation):
    await ask_as_each(torn, viewers, operation)
