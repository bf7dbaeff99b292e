"""Trainings of machines: refused in words, carried out under a fence, kept as versions, stopped with the best."""

import asyncio

import pytest
from sqlalchemy import func, select, update

from app.gateways import storage
from app.models.automl.lines import MachineLine
from app.models.automl.machines import MachineColumn
from app.models.automl.models import NNModel
from app.models.automl.works import Work
from app.models.system import Job, JobState, UserNotification
from app.services.automl import trainings
from app.services.system import jobs as job_service
from app.settings import settings
from app.tabular.choices import WorkStatus
from app.tabular.predictor import Predictor
from jobs.broker import WORKS
from jobs.engine import EngineDied
from jobs.run import attempt
from resolvers import ids
from tests import factories
from tests.automl.tables import table


async def test_a_machine_learns_in_an_engine_of_its_own(machine, train, work, seen, look, owner, database):
    id = await machine()
    started = await train(id, seed=7)
    assert (started["status"], started["isWorkStatusWaitForServerStart"]) == ("WAITING_FOR_SERVER", True)
    assert (started["options"]["budgetS"], started["options"]["seed"]) == (2, 7)
    assert (await work()).state is JobState.DONE
    done = await seen(started["id"])
    assert (done["status"], done["failure"], done["isWorkStatusServerFinished"]) == ("FINISHED", None, True)
    assert (done["nnModel"]["version"], done["nnModel"]["seed"], done["progress"]) == (1, 7, 1)
    stages = await look(id, "isReadyToSolve stages { stage isReady isReRun }")
    assert stages["isReadyToSolve"]
    assert [each["stage"] for each in stages["stages"]] == ["MDC", "ICI", "FE", "ENC_DEC", "NN_CONFIG", "MODEL"]
    assert all(each["isReady"] and not each["isReRun"] for each in stages["stages"])
    learned = await look(id)
    assert not any(
        learned.pop(f"machineIsReRun{stage}") for stage in ("Mdc", "Ici", "Fe", "EncDec", "NnConfig", "Model")
    )
    assert learned["trainingNnModel"] == {"version": 1}
    assert learned["trainingTotalTrainingLineCount"] == learned["learningLineCount"] > 80
    assert 0 < float(learned["trainingEvalLossSampleEvaluation"]) < 0.4
    assert float(learned["trainingEvalAccuracySampleEvaluation"]) > 0.8
    noisy, clean = (float(learned[f"trainingEvalLossSampleEvaluation{each}"]) for each in ("Noise", ""))
    assert noisy != clean
    assert learned["trainingEvalOutputsColsLossSampleEvaluation"].keys() == {"fits"}
    assert learned["feColumnsFet"] == {"size": ["ROBUST_SCALER"], "colour": ["ONE_HOT"]}
    assert learned["feColumnsInputsImportanceEvaluation"]["size"] > 0.5
    assert learned["encDecColumnsInfoOutputEncodeCount"] == 2
    assert (list(learned["logWorkStatus"].values()), learned["machineColumnsErrors"]) == ([True], {})
    assert learned["encDecConfiguration"]["encDecConfig"]["columns"]["fits"]["encoder"]["classes"] == ["no", "yes"]
    assert learned["dataLinesOperations"]["totalCount"] == 0
    async with database.reading() as session:
        [version] = await session.scalars(select(NNModel))
        assert version.user_id == owner.id
        lines = await session.scalar(select(func.count()).where(MachineLine.is_learned))
        told = (await session.scalars(select(UserNotification.message).order_by(UserNotification.id.desc()))).first()
    assert lines == 120  # it learned once more from all of them
    assert told.startswith("The training of your machine Cells has finished as version 1. fits: logLoss 0.")
    stored = Predictor.load(await storage.get(version.storage_key))
    assert stored.answer([{"0": 3.0, "1": "red"}])[0][0].values == ["yes"]
    assert stored.encoders.sha256 == learned["encDecConfiguration"]["sha256"]


NOT_ENOUGH = b"size,colour,fits\n" + b"".join(b"%d,c%d,k%d\n" % (at % 7, at % 3, at % 2) for at in range(20))


async def _refusals(id):
    return [
        ({"budgetS": 0}, "budgetS", "Use a number from 1"),
        ({"budgetS": -1}, "budgetS", "Use a number from 1"),
        ({"budgetS": settings.machine_training_s_max + 1}, "budgetS", "Use a number"),
        ({"seed": -1}, "seed", "Use a number"),
        ({"targetMetric": "RMSE"}, "targetMetric", "no output of this machine has numbers"),
        (
            {"classWeights": {"weights": [{"label": "maybe", "weight": 2}]}},
            "classWeights.weights.0.label",
            "No line has",
        ),
        ({"classWeights": {"weights": [{"label": "yes", "weight": 0}]}}, "classWeights.weights.0.weight", "above 0"),
        (
            {"classWeights": {"weights": [{"label": "yes", "weight": 2}, {"label": " YES", "weight": 3}]}},
            "classWeights.weights.1.label",
            "named twice",
        ),
        (
            {"classWeights": {"isBalanced": True, "weights": [{"label": "yes", "weight": 2}]}},
            "classWeights.weights",
            "not both",
        ),
        ({"split": {"kind": "GROUP", "column": "nowhere"}}, "split.column", "no column"),
        ({"split": {"kind": "TIME"}}, "split.column", ""),
        ({"split": {"kind": "RANDOM", "evaluationPercentage": 90}}, "split.evaluationPercentage", "Use a number"),
    ]


async def test_what_could_not_be_trained_is_refused_and_changes_nothing(
    machine, make, train, refuse, database, owner, other, staff, change
):
    id = await machine()
    for given, field, said in await _refusals(id):
        refused = await refuse("trainMachine", viewer=owner, machineId=id, **given)
        assert (refused["code"], refused["field"], said in refused["message"]) == ("INVALID_INPUT", field, True), given
    assert (await refuse("trainMachine", viewer=other, machineId=id))["code"] == "NOT_FOUND"
    assert (await refuse("trainMachine", machineId=id))["code"] == "UNAUTHENTICATED"
    few = await make(NOT_ENOUGH, columns=[{"name": "fits", "role": "OUTPUT"}], name="Few")
    assert "At least 50 and 10 are needed" in (await refuse("trainMachine", viewer=owner, machineId=few))["message"]
    none = ids.encode(await factories.machine(database, owner.id, machine_name="None"))
    assert "has no inputs" in (await refuse("trainMachine", viewer=owner, machineId=none))["message"]
    await change("updateMachine", viewer=owner, id=id, parameterNnOptimizer="ADADELTA")
    assert "ADADELTA is not available" in (await refuse("trainMachine", viewer=owner, machineId=id))["message"]
    await change("updateMachine", viewer=owner, id=id, parameterNnOptimizer="SGD")
    assert (await train(id))["__typename"] == "Work"
    refused = await refuse("trainMachine", viewer=owner, machineId=id)
    assert (refused["code"], "already at such work" in refused["message"]) == ("CONFLICT", True)


async def test_weights_of_labels_reach_the_learner(machine, make, train, refuse, database, owner):
    id = await machine()
    weights = {"weights": [{"label": "yes", "weight": 2.5}]}
    await train(id, classWeights=weights)
    async with database.writing() as session:
        work = (await session.scalars(select(Work))).one()
        plan = await trainings.begin_training(session, work.id, server_name="here")
    assert work.options["classWeights"] == plan.request["class_weights"] == {"yes": 2.5}
    numbers = await make(table(), columns=[{"name": "size", "role": "OUTPUT"}], name="Numbers")
    refused = await refuse("trainMachine", viewer=owner, machineId=numbers, classWeights=weights)
    assert (refused["field"], "no output of this machine has labels" in refused["message"]) == ("classWeights", True)
    async with database.writing() as session:
        await session.execute(update(Work).values(status="CANCELLED"))
    await train(id, classWeights={"isBalanced": True})
    async with database.reading() as session:
        newest = (await session.scalars(select(Work).order_by(Work.id.desc()))).first()
    assert newest.options["classWeights"] == "BALANCED"


async def test_an_output_of_text_cannot_be_predicted(machine, refuse, database, owner):
    id = await machine()
    async with database.writing() as session:
        await session.execute(update(MachineColumn).where(MachineColumn.name == "fits").values(datatype="LANGUAGE"))
    refused = await refuse("trainMachine", viewer=owner, machineId=id)
    assert (refused["code"], "cannot be predicted" in refused["message"]) == ("CONFLICT", True)


async def test_who_trains_at_once_trains_once(machine, train):
    id = await machine()
    answers = await asyncio.gather(*(train(id) for _ in range(4)))
    assert sorted(each["__typename"] for each in answers) == ["Conflict"] * 3 + ["Work"]


@pytest.fixture
def failing(monkeypatch):
    """An engine that cannot do it, in words, or that dies."""

    def failing(error):
        async def run_engine(*_, **__):
            raise error

        monkeypatch.setattr("jobs.automl.trainings.run_engine", run_engine)

    return failing


async def test_failures_are_told_with_their_reason(machine, train, work, seen, look, failing, database):
    from jobs.engine import EngineFailure  # noqa: PLC0415

    id = await machine()
    failing(EngineFailure("All rows have the same value of fits, so there is nothing to learn."))
    started = await train(id)
    assert (await work()).state is JobState.FAILED
    told = await seen(started["id"])
    assert (told["status"], told["isWorkStatusServerError"], told["nnModel"]) == ("ERROR", True, None)
    assert told["failure"].startswith("All rows have the same value")
    learned = await look(id)
    assert (learned["machineIsReRunMdc"], learned["machineColumnsErrors"]) == (True, {"*": told["failure"]})
    assert list(learned["logWorkStatus"].values()) == [False]
    async with database.reading() as session:
        notes = (await session.scalars(select(UserNotification.message))).all()
    assert sum("The training of your machine Cells failed. All rows" in each for each in notes) == 1
    # And it may be tried again.
    assert (await train(id))["__typename"] == "Work"


async def test_a_job_that_runs_again_makes_no_second_version(
    machine, train, seen, engine, failing, work, database, look
):
    id = await machine()
    started = await train(id)
    async with database.reading() as session:
        job_id = await session.scalar(select(Job.id).order_by(Job.id.desc()))
    async with database.writing() as session:
        dead = await job_service.begin(session, job_id)
    async with database.writing() as session:
        assert await job_service.release(session, await job_service.leases(session)) == 1
    # Two messages about one job.
    twice = [attempt(database, WORKS[dead.kind], job_id, asyncio.Event()) for _ in range(2)]
    await asyncio.gather(*twice)
    assert (await seen(started["id"]))["status"] == "FINISHED"
    assert (await look(id))["nnModels"]["totalCount"] == 1
    await attempt(database, WORKS[dead.kind], job_id, asyncio.Event())
    assert (await look(id))["nnModels"]["totalCount"] == 1
    # The worker that was thought dead still lives, and writes nothing.
    with pytest.raises(job_service.LeaseLost):
        async with database.writing() as session:
            await job_service.hold(session, dead)


async def test_an_engine_that_dies_is_started_anew(machine, train, work, seen, failing):
    id = await machine()
    failing(EngineDied())
    started = await train(id)
    assert (await work()).state is JobState.QUEUED
    assert (await seen(started["id"]))["status"] == "PROCESSING"


async def test_work_that_waits_is_cancelled_at_once(machine, train, change, refuse, seen, look, owner, other):
    id = await machine()
    started = await train(id)
    assert (await refuse("cancelWork", viewer=other, id=started["id"]))["code"] == "NOT_FOUND"
    assert (await change("cancelWork", "status", viewer=owner, id=started["id"]))["status"] == "CANCELLED"
    refused = await refuse("cancelWork", viewer=owner, id=started["id"])
    assert (refused["code"], "already ended" in refused["message"]) == ("CONFLICT", True)
    assert (await seen(started["id"]))["nnModel"] is None
    assert (await train(id))["__typename"] == "Work"


async def test_a_training_that_is_stopped_keeps_the_best_so_far(
    make, train, work, change, seen, owner, look, database, monkeypatch
):
    id = await make(table(), columns=[{"name": "fits", "role": "OUTPUT"}], level=2)
    monkeypatch.setattr(settings, "job_progress_s", 0.01)
    started = await train(id, budgetS=600)
    working = asyncio.create_task(work())
    while (await seen(started["id"]))["bestScore"] is None:
        assert not working.done()
        await asyncio.sleep(0.1)
    asked = await change("cancelWork", "status isStopRequested", viewer=owner, id=started["id"])
    assert (asked["status"], asked["isStopRequested"]) == ("PROCESSING", True)
    assert (await working).state is JobState.DONE
    told = await seen(started["id"])
    assert (told["status"], told["figures"]["stopped"]) == ("CANCELLED", "CANCELLED")
    assert (await look(id))["trainingNnModel"] == {"version": told["nnModel"]["version"]} == {"version": 1}


async def test_a_training_that_is_stopped_before_it_begins_keeps_nothing(machine, train, work, seen, database, engine):
    id = await machine()
    started = await train(id)
    async with database.writing() as session:
        await session.execute(update(Work).values(is_stop_requested=True))
    assert (await work()).state is JobState.CANCELLED
    told = await seen(started["id"])
    assert (told["status"], told["failure"], told["nnModel"]) == ("CANCELLED", None, None)


async def test_work_that_has_ended_never_changes(machine, train, change, owner, database):
    id = await machine()
    started = await train(id)
    await change("cancelWork", viewer=owner, id=started["id"])
    for status in (WorkStatus.FINISHED, WorkStatus.PROCESSING, WorkStatus.WAITING_FOR_SERVER):
        with pytest.raises(Exception, match="Work cannot go from CANCELLED"):
            async with database.writing() as session:
                await session.execute(update(Work).values(status=status))


async def test_a_machine_that_is_deleted_stops_learning(machine, train, change, owner, database, work):
    id = await machine()
    started = await train(id)
    await change("deleteMachine", viewer=owner, id=id)
    async with database.reading() as session:
        job = await session.scalar(select(Job).where(Job.id == select(Work.job_id).scalar_subquery()))
    assert job.state is JobState.CANCELLED
    assert started["status"] == "WAITING_FOR_SERVER"


async def test_lines_that_come_while_it_learns_are_for_the_next_training(
    machine, train, work, engine, change, owner, look, monkeypatch, database
):
    id = await machine()
    learn = __import__("jobs.automl.trainings", fromlist=["run_engine"]).run_engine

    async def with_more_lines(*given, **named):
        rows = [{"size": 1.0, "colour": "red", "fits": "yes"}]
        await change("appendLines", viewer=owner, machineId=id, rows=rows, purpose="LEARNING")
        return await learn(*given, **named)

    monkeypatch.setattr("jobs.automl.trainings.run_engine", with_more_lines)
    await train(id)
    async with database.reading() as session:
        job_id = await session.scalar(select(Work.job_id))
        kind = await session.scalar(select(Job.kind).where(Job.id == job_id))
    await attempt(database, WORKS[kind], job_id, asyncio.Event())
    learned = await look(id)
    assert (learned["trainingNnModel"], learned["machineIsReRunModel"]) == ({"version": 1}, True)
    assert learned["dataLinesOperations"]["totalCount"] == 1
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).where(MachineLine.is_learned)) == 120
