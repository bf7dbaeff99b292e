"""Work that has a price: money is held before it starts, or it does not start."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from app.models.billing.ledger import Currency, Operation, OperationCause
from app.models.billing.reservations import Reservation, ReservationState
from app.models.system import Job, JobState
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobStage, UserRemoteTask
from app.services.billing import charges
from app.services.billing.errors import InsufficientFunds
from app.services.billing.reservations import Purpose
from app.services.system import jobs
from app.services.wildlife.ai_jobs import payments, progress
from app.settings import settings
from resolvers import ids
from schema import schema
from schema.metadata import NEEDS_KEY, metadata_of_mutations
from tests import factories
from tests.billing.books import broken, give
from tests.wildlife import classifying
from tests.wildlife import factories as wildlife

START = {"epochs": 2, "batchSize": 8, "zoomLevel": [19]}


@pytest.fixture
async def model(database, owner):
    """A model that can be trained."""
    dataset = await factories.dataset(database, owner.id)
    await factories.label(database, await factories.aoi(database, dataset))
    return await factories.model(database, dataset)


async def reservations(database) -> list[Reservation]:
    async with database.reading() as session:
        return list(await session.scalars(select(Reservation).order_by(Reservation.id)))


def test_prices_are_rounded_once_half_to_even(monkeypatch):
    monkeypatch.setattr(settings, "training_price_tokens", Decimal("0.00000001"))
    assert charges.price_of(OperationCause.TRAINING, lines=1_000, epochs=3) == Decimal("0.00003000")
    assert charges.price_of(OperationCause.PREDICTION, lines=1_000) == 0


def test_a_machine_is_priced_by_its_columns_lines_and_level(monkeypatch):
    monkeypatch.setattr(settings, "machine_training_price_tokens", Decimal("0.001"))
    monkeypatch.setattr(settings, "machine_solving_price_tokens", Decimal("0.00000003"))
    for level, factor in {None: 1, 1: 1, 2: 2, 3: 4, 4: 8, 5: 16}.items():
        paid = charges.price_of(OperationCause.MACHINE_TRAINING, lines=100, columns=5, level=level)
        assert paid == Decimal("0.5") * factor, level
    # Rounded once: a factor of one half is not applied to a rounded unit.
    monkeypatch.setattr(settings, "level_2_price_factor", Decimal("0.5"))
    assert charges.price_of(OperationCause.MACHINE_SOLVING, lines=1, columns=1, level=2) == Decimal("0.00000002")
    assert charges.price_of(OperationCause.MACHINE_SOLVING_API, lines=3, columns=3, level=2) == Decimal("0.00000014")


async def test_who_owns_a_machine_pays_for_what_a_member_starts(database, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "machine_training_price_tokens", Decimal("0.5"))
    await give(database, owner.id, 10, Currency.EAML)
    purpose = Purpose(OperationCause.MACHINE_TRAINING, ("Machine", 1), count_of_lines=2, count_of_columns=3, level=1)
    job = await factories.job(database, user_id=other.id)
    async with database.writing() as session:
        assert (await charges.estimate(session, owner.id, purpose)).is_affordable
        assert not (await charges.estimate(session, other.id, purpose)).is_affordable
        held = await charges.hold_for(session, job, purpose, payer_id=owner.id)
        assert held is not None
        assert (held.user_id, held.actor_id, held.amount) == (owner.id, other.id, 3)
        assert not (await charges.estimate(session, owner.id, replace(purpose, count_of_lines=5))).is_affordable
    async with database.writing() as session:
        claim = await jobs.begin(session, job.id)
    async with database.writing() as session:
        await jobs.end(session, claim, JobState.DONE)
    async with database.reading() as session:
        paid = (await session.scalars(select(Operation).where(Operation.job_key == job.id))).one()
    assert (paid.operation_user_id, paid.owner_user_id) == (other.id, owner.id)


async def test_what_is_done_at_once_is_paid_at_once(database, owner, monkeypatch):
    monkeypatch.setattr(settings, "machine_solving_price_tokens", Decimal("0.5"))
    await give(database, owner.id, 2, Currency.EAML)
    purpose = Purpose(OperationCause.MACHINE_SOLVING, ("Machine", 1), count_of_lines=3, count_of_columns=1)
    async with database.writing() as session:
        paid = await charges.pay_now(session, purpose, payer_id=owner.id)
        assert paid is not None
        assert paid.count_of_lines == 3
    with pytest.raises(InsufficientFunds):
        async with database.writing() as session:
            await charges.pay_now(session, purpose, payer_id=owner.id)
    assert await broken(database) == {}


async def test_without_a_price_nothing_is_held(change, database, owner, model):
    assert (await change("startTraining", viewer=owner, modelId=ids.encode(model), **START))["__typename"] == "Training"
    assert await reservations(database) == []


def test_whatever_may_find_too_little_money_needs_a_key_at_least_where_it_has_a_price():
    mutations = schema._schema.mutation_type.fields
    keyed = {name for name, declared in metadata_of_mutations(schema).items() if NEEDS_KEY in declared}
    poor = {
        name for name, field in mutations.items() if "InsufficientFunds" in map(str, getattr(field.type, "types", ()))
    }
    # It moves nothing: it is an offer, which may not be larger than what is held.
    assert poor - keyed == {"offerConsultingSettlement"}


async def test_work_that_costs_does_not_start_without_a_key(api, unchanged, database, owner, model, monkeypatch):
    await give(database, owner.id, 100, Currency.EAML)
    document = "mutation ($input: StartTrainingInput!) { startTraining(input: $input) { __typename } }"
    body = {"query": document, "variables": {"input": {"modelId": ids.encode(model), **START}}}
    headers = {"Authorization": f"Bearer {owner.token}"}
    with monkeypatch.context() as priced:
        priced.setattr(settings, "training_price_tokens", Decimal("0.5"))
        async with unchanged():
            [error] = (await api.post("/graphql", json=body, headers=headers)).json()["errors"]
        assert (error["extensions"]["code"], "idempotency key" in error["message"]) == ("BAD_REQUEST", True)
        keyed = headers | {"Idempotency-Key": str(uuid4())}
        came = [(await api.post("/graphql", json=body, headers=keyed)).json() for _ in range(2)]
        assert came[0]["data"] == came[1]["data"] == {"startTraining": {"__typename": "Training"}}
        assert len(await reservations(database)) == 1
    assert (await api.post("/graphql", json=body, headers=headers)).json()["data"]["startTraining"]


async def test_a_training_that_cannot_be_paid_does_not_start(refuse, owner, model, monkeypatch):
    monkeypatch.setattr(settings, "training_price_tokens", Decimal("0.5"))
    answer = await refuse("startTraining", viewer=owner, modelId=ids.encode(model), **START)
    assert (answer["code"], answer["available"], answer["currency"]) == ("INSUFFICIENT_FUNDS", "0.00000000", "EAML")


async def test_a_training_is_held_for_and_paid_with_the_end_of_its_job(
    ask, change, database, owner, model, monkeypatch
):
    monkeypatch.setattr(settings, "training_price_tokens", Decimal("0.5"))
    await give(database, owner.id, 100, Currency.EAML)
    made = await change("startTraining", viewer=owner, modelId=ids.encode(model), **START)
    [held] = await reservations(database)
    assert held.amount == held.count_of_lines * 2 * Decimal("0.5")
    assert (held.state, held.cause, held.count_of_training_epoch) == (ReservationState.HELD, OperationCause.TRAINING, 2)
    # What changes meanwhile changes nothing of what was agreed.
    monkeypatch.setattr(settings, "training_price_tokens", Decimal(0))
    async with database.writing() as session:
        claim = await jobs.begin(session, held.job_key)
    async with database.writing() as session:
        await jobs.end(session, claim, JobState.DONE)
    answer = await ask(
        "{ operations(kind: TRAINING) { nodes { countOfLines countOfTrainingEpoch isTrainingOperation "
        "subject { id } entries { nodes { __typename amount } } } } billings { nodes { trainingCostMachineUsd } } }",
        viewer=owner,
    )
    [paid] = answer["operations"]["nodes"]
    assert paid == {
        "countOfLines": held.count_of_lines,
        "countOfTrainingEpoch": 2,
        "isTrainingOperation": True,
        "subject": {"id": made["id"]},
        "entries": {"nodes": [{"__typename": "DebitIXIOO", "amount": f"{held.amount:f}"}]},
    }
    assert answer["billings"]["nodes"][0] == {"trainingCostMachineUsd": f"{held.amount:f}"}


async def test_a_cancelled_training_costs_nothing(change, database, owner, model, monkeypatch):
    monkeypatch.setattr(settings, "training_price_tokens", Decimal("0.5"))
    await give(database, owner.id, 100, Currency.EAML)
    made = await change("startTraining", viewer=owner, modelId=ids.encode(model), **START)
    await change("cancelTraining", viewer=owner, id=made["id"])
    assert [each.state for each in await reservations(database)] == [ReservationState.VOID]
    async with database.reading() as session:
        assert (await session.scalars(select(Job.state))).all() == [JobState.CANCELLED]


@pytest.fixture
async def ai_job(database, owner) -> AIClassificationJob:
    """A job of ten media on an AI Manager."""
    at = await classifying.season(database, owner.id)
    provider = await wildlife.ai_provider(database, user_id=owner.id)
    task = await factories.add(database, UserRemoteTask(user_id=owner.id, progress=0.5))
    given = {"user_id": owner.id, "ai_provider_id": provider.id, "project_id": at.project.id}
    given |= {"user_remote_task_id": task.id, "collection_id": at.link.id, "total_count": 10}
    return await factories.add(database, AIClassificationJob(**given))


@pytest.mark.parametrize(
    ("stage", "paid", "state"),
    [
        (AIJobStage.DONE, 3, ReservationState.POSTED),
        (AIJobStage.FAILED, 0, ReservationState.VOID),
        (AIJobStage.CANCELLED, 0, ReservationState.VOID),
    ],
)
async def test_a_job_on_an_ai_manager_pays_for_media_with_a_result(
    database, owner, ai_job, monkeypatch, stage, paid, state
):
    monkeypatch.setattr(settings, "ai_job_price_tokens", Decimal("0.5"))
    await give(database, owner.id, 8, Currency.EAML)
    async with database.writing() as session:
        await payments.hold(session, ai_job)
    [held] = await reservations(database)
    assert (held.amount, held.count_of_lines, held.cause) == (5, 10, OperationCause.AI_JOB)
    async with database.writing() as session:
        assert await charges.release(session) == 0
        await session.execute(update(Reservation).values(expires_at=func.now() + timedelta(hours=1)))
        # While its job is under way, it lasts.
        assert await charges.renew(session) == 1
    for _ in range(2):
        async with database.writing() as session:
            job = await session.get_one(AIClassificationJob, ai_job.id, with_for_update=True)
            job.ok_count, job.skipped_count, job.failed_count = 4, 2, 4
            await progress.end(session, job, stage)
    [ended] = await reservations(database)
    assert (ended.posted, ended.state) == (paid, state)
    # Fetched again, results that were paid cost nothing; others are held for anew.
    async with database.writing() as session:
        await payments.hold_again(session, ai_job)
    assert len(await reservations(database)) == (1 if paid else 2)
    assert await broken(database) == {}


async def test_a_job_on_an_ai_manager_that_cannot_be_paid_does_not_start(database, ai_job, monkeypatch):
    monkeypatch.setattr(settings, "ai_job_price_tokens", Decimal("0.5"))
    with pytest.raises(InsufficientFunds):
        async with database.writing() as session:
            await payments.hold(session, ai_job)
    assert await reservations(database) == []


async def test_an_estimate_is_what_is_held(ask, change, database, owner, model, monkeypatch):
    monkeypatch.setattr(settings, "training_price_tokens", Decimal("0.5"))
    monkeypatch.setattr(settings, "prediction_price_tokens", Decimal("0.25"))
    await give(database, owner.id, 1, Currency.EAML)
    asked = """query ($id: ID!) { estimateModelTraining(modelId: $id, zoomLevel: [19], epochs: 2) {
        price available currency isAffordable } }"""
    estimate = (await ask(asked, viewer=owner, id=ids.encode(model)))["estimateModelTraining"]
    assert (estimate["available"], estimate["currency"], estimate["isAffordable"]) == ("1.00000000", "EAML", False)
    assert await reservations(database) == []
    await give(database, owner.id, estimate["price"], Currency.EAML)
    await change("startTraining", viewer=owner, modelId=ids.encode(model), **START)
    [held] = await reservations(database)
    assert f"{held.amount:f}" == estimate["price"]
    assert (await ask(asked, id=ids.encode(model))).codes == ["UNAUTHENTICATED"]
    unpublished = """query ($id: ID!) { estimatePrediction(modelId: $id, zoomLevel: 19,
        geom: {type: "Polygon", coordinates: [[[12, 46], [12.001, 46], [12.001, 46.001], [12, 46]]]}) { price } }"""
    assert (await ask(unpublished, viewer=owner, id=ids.encode(model))).codes == ["CONFLICT"]
