"""Versions of machines: how good they are, what they cost, which one answers, and what they say of other tables."""

from decimal import Decimal

import pytest
from sqlalchemy import func, select, update

from app.gateways import storage
from app.models.automl.models import EncDecConfiguration, NNModel
from app.models.billing.ledger import Currency
from app.models.billing.reservations import Reservation, ReservationState
from app.models.system import JobState
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.automl.tables import table
from tests.billing.books import give


async def test_equal_seeds_give_equal_answers_as_versions_that_are_compared_and_chosen(
    machine, train, work, look, ask, change, refuse, engine, database, owner, other
):
    id = await machine()
    made = []
    for seed in (1, 1, 2):
        started = await train(id, seed=seed)
        assert (await work()).state is JobState.DONE
        made.append(started["id"])
    async with database.reading() as session:
        versions = list(await session.scalars(select(NNModel).order_by(NNModel.version)))
        encoders = await session.scalar(select(func.count()).select_from(EncDecConfiguration))
    assert ([each.version for each in versions], encoders) == ([1, 2, 3], 3)
    assert versions[0].sha256 == versions[1].sha256
    assert (await look(id))["trainingNnModel"] == {"version": 3}
    pair = {"one": ids.encode(versions[0]), "other": ids.encode(versions[2])}
    document = """query($one: ID!, $other: ID!) { compareVersions(one: $one, other: $other) {
        isComparable one { version } other { version metrics { split } }
        outputs { output metric oneScore otherScore } } }"""
    compared = (await ask(document, viewer=owner, **pair))["compareVersions"]
    assert (compared["isComparable"], compared["other"]["metrics"]) == (True, [{"split": "RANDOM"}])
    assert (compared["outputs"][0]["output"], compared["outputs"][0]["metric"]) == ("fits", "LOG_LOSS")
    assert 0 < compared["outputs"][0]["oneScore"] < 0.5
    assert (await ask(document, viewer=other, **pair)).codes == ["NOT_FOUND"]
    back = await change("setCurrentVersion", "trainingNnModel { version }", viewer=owner, id=pair["one"])
    assert back["trainingNnModel"] == {"version": 1}
    # Encoders of another training.
    async with database.writing() as session:
        await session.execute(update(EncDecConfiguration).values(sha256="0" * 64))
    refused = await refuse("setCurrentVersion", viewer=owner, id=pair["other"])
    assert "other encoders" in refused["message"]
    await storage.put(versions[2].storage_key, b"broken")
    assert "was changed" in (await refuse("setCurrentVersion", viewer=owner, id=pair["other"]))["message"]
    assert (await refuse("setCurrentVersion", viewer=other, id=pair["other"]))["code"] == "NOT_FOUND"
    usage = await ask("{ storageUsage { usedBytes } }", viewer=owner)
    assert int(usage["storageUsage"]["usedBytes"]) >= sum(each.size_bytes for each in versions)


async def test_figures_are_fields_and_what_misleads_is_said_loudly(make, train, work, look, engine, ask, owner):
    id = await make(table("price", groups=24), columns=[{"name": "price", "role": "OUTPUT"}])
    assert (await train(id, budgetS=60, targetMetric="RMSE"))["status"] == "WAITING_FOR_SERVER"
    from app.learning.tables import training  # noqa: PLC0415

    networks = training._Output._networks
    training._Output._networks = lambda _: []
    try:
        assert (await work()).state is JobState.DONE
    finally:
        training._Output._networks = networks
    told = await look(
        id,
        """leaderboard { output name kind metric score foldScores weight isUsed isBaseline fitS predictS sizeBytes }
        metrics { output targetMetric split splitColumn learningLineCount evaluationLineCount rmse mae r2
            coverage margin logLoss classes confusionMatrix curve { threshold } calibration { from } isRefitted }
        importance { output input share lossIncrease spread extremesShare }
        suggestions { split column metric randomScore score isLoud message } machineColumnsWarnings""",
    )
    board = {each["name"]: each for each in told["leaderboard"]}
    assert {"constant", "linear", "trees-1"} <= board.keys()
    assert (board["constant"]["isBaseline"], board["trees-1"]["isBaseline"]) == (True, False)
    assert sum(each["weight"] for each in board.values()) == pytest.approx(1)
    assert board["linear"]["score"] < board["constant"]["score"]
    [metrics] = told["metrics"]
    assert (
        metrics["targetMetric"],
        metrics["split"],
        metrics["learningLineCount"] + metrics["evaluationLineCount"],
    ) == (
        "RMSE",
        "RANDOM",
        120,
    )
    assert metrics["r2"] > 0.5
    assert (metrics["logLoss"], metrics["classes"], metrics["confusionMatrix"]) == (None, [], [])
    assert {each["input"] for each in told["importance"]} >= {"size", "colour"}
    assert sum(each["share"] for each in told["importance"]) == pytest.approx(1)
    [suggestion] = told["suggestions"]
    assert (suggestion["split"], suggestion["column"]) == ("GROUP", "patient")
    assert suggestion["isLoud"] == (suggestion["message"] in told["machineColumnsWarnings"].get("*", ""))


async def test_a_training_is_paid_by_the_owner_once_it_has_made_something(
    machine, train, work, engine, refuse, change, database, owner, other, ask, look, monkeypatch
):
    monkeypatch.setattr(settings, "machine_training_price_tokens", Decimal("0.01"))
    team = await factories.team(database, owner.id, other.id)
    id = await machine()
    await change("moveMachine", viewer=owner, id=id, teamId=ids.encode(team))
    assert (await refuse("trainMachine", viewer=owner, machineId=id))["code"] == "INSUFFICIENT_FUNDS"
    refused = await refuse("trainMachine", viewer=other, machineId=id)
    assert (refused["code"], refused["message"]) == (
        "CONFLICT",
        "The owner of this machine has too few tokens for this training.",
    )
    await give(database, owner.id, 10, Currency.EAML)
    document = (
        "query($id: ID!) { estimateTraining(machineId: $id) { level seconds priceTokens lineCount isAffordable } }"
    )
    told = (await ask(document, viewer=owner, id=id))["estimateTraining"]
    assert [float(each["priceTokens"]) for each in told] == [3.6, 7.2, 14.4, 28.8, 57.6]
    assert (told[0]["isAffordable"], told[0]["lineCount"]) == (True, 120)
    assert [each["seconds"] for each in told] == sorted(each["seconds"] for each in told)
    by_member = (await ask(document, viewer=other, id=id))["estimateTraining"]
    assert by_member[0]["isAffordable"] is None
    started = await change("trainMachine", "id", viewer=other, machineId=id, budgetS=2)
    await change("cancelWork", viewer=other, id=started["id"])
    await train(id)
    assert (await work()).state is JobState.DONE
    async with database.reading() as session:
        held = list(await session.scalars(select(Reservation).order_by(Reservation.id)))
    assert [(each.user_id, each.state) for each in held] == [
        (owner.id, ReservationState.VOID),
        (owner.id, ReservationState.POSTED),
    ]
    assert float((await look(id, "machineBillingCostTrainingUsd"))["machineBillingCostTrainingUsd"]) == 3.6


async def test_estimates_are_for_those_who_use_the_machine(machine, ask, change, owner, other):
    id = await machine()
    await change("updateMachine", viewer=owner, id=id, machineApiSolvingIsPublic=True)
    document = "query($id: ID!) { estimateTraining(machineId: $id, budgetS: 30) { level seconds } }"
    assert {each["seconds"] for each in (await ask(document, viewer=owner, id=id))["estimateTraining"]} == {30.0}
    assert (await ask(document, viewer=other, id=id)).codes == ["NOT_FOUND"]


async def test_a_machine_is_judged_on_a_table_of_ones_own(
    machine, train, work, engine, change, send, refuse, ask, owner
):
    id = await machine()
    upload = await send(table(seed=5))
    assert (
        "has not been trained"
        in (await refuse("evaluateMachine", viewer=owner, machineId=id, upload=upload))["message"]
    )
    await train(id)
    assert (await work()).state is JobState.DONE
    started = await change("evaluateMachine", "id kind status", viewer=owner, machineId=id, upload=upload)
    assert (started["kind"], started["status"]) == ("EVALUATION", "WAITING_FOR_SERVER")
    assert (await work()).state is JobState.DONE
    fields = """status figures metrics {
        output accuracy logLoss evaluationLineCount confusionMatrix classes curve { precision } }"""
    told = (await ask(f"query($id: ID!) {{ work(id: $id) {{ {fields} }} }}", viewer=owner, id=started["id"]))["work"]
    [metrics] = told["metrics"]
    assert (told["status"], metrics["evaluationLineCount"], metrics["classes"]) == ("FINISHED", 120, ["no", "yes"])
    assert metrics["accuracy"] > 0.8
    assert sum(map(sum, metrics["confusionMatrix"])) == 120
    wrong = await change(
        "evaluateMachine", "id", viewer=owner, machineId=id, upload=await send(b"size,fits\n1,yes\n2,no\n")
    )
    assert (await work()).state is JobState.FAILED
    failed = (await ask("query($id: ID!) { work(id: $id) { status failure } }", viewer=owner, id=wrong["id"]))["work"]
    assert (failed["status"], "lacks the input column" in failed["failure"]) == ("ERROR", True)
