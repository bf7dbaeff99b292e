"""Whatever is changed, by whomever, the answer is the same whether a plan or graphql-core reads it back."""

import pytest
from graphql import OperationType
from hypothesis import given, note
from hypothesis import strategies as st

from tests.plan.operations import operations
from tests.plan.rows import world
from tests.plan.search import OPERATIONS, SEED, many, tried


@pytest.mark.fuzz
@many(OPERATIONS // 5)
@given(
    viewer=st.sampled_from(["staff", "owner", "owner", "other", None]),
    operation=operations(world(SEED), OperationType.MUTATION),
)
async def test_any_mutation_has_one_answer(twins, viewer, operation):
    note(f"SEED={SEED}\n{operation.document}\n{operation.variables}")
    await twins.change(operation.request(), viewer)
    tried["mutations"] += 1
