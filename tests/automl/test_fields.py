"""The fields of the requirement's machine: each stands in a table with the tests that hold it, and has its value."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import orjson
import pytest
from graphql import get_named_type
from scipy import stats

from app.formats.tables.columns.profiles import Profile
from app.models.automl import graphs, lines, machines, models, works
from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.works import Work
from app.models.kinds.automl import AutomlJob
from app.services.automl import trainings, versions
from app.services.automl.machines import loading
from app.tabular.choices import GraphType, MachineStage, MachineStatus, NNLoss, NNOptimizer, WorkKind
from app.tabular.datatypes import Datatype, Role
from resolvers import ids
from schema import schema
from tests import factories
from tests.automl.proofs import claims, lacking

FIELDS = claims(Path(__file__).with_name("fields.txt"))
SCHEMA = schema._schema.type_map
TABLES = [
    machines.Machine,
    models.NNModel,
    models.EncDecConfiguration,
    graphs.Graph,
    works.Server,
    works.Work,
    lines.DataLinesOperation,
    lines.MachineTableLock,
]
KEYS = {"id"}
"""What every row has."""


@pytest.mark.parametrize(("name", "shown", "tests"), FIELDS, ids=lambda each: each[:40])
def test_each_field_is_shown_and_held_by_tests_that_exist(name, shown, tests):
    assert (tests != "", lacking(tests)) == (True, [])
    if "." in shown:
        kind, field = shown.split(".")
        assert SCHEMA[kind].fields[field].description
    else:
        assert shown == "" or shown.startswith("hidden: ")


def test_all_fields_of_the_requirement_and_of_our_tables_are_there():
    names = [name for name, *_ in FIELDS]
    assert len(names) == len(set(names))
    assert len([name for name in names if name.startswith("Machine.")]) >= 107
    for table in TABLES:
        columns = {f"{table.__name__}.{column.key.removesuffix('_id')}" for column in table.__table__.columns}
        assert columns - {f"{table.__name__}.{each}" for each in KEYS} - set(names) == set()
    wanted = {*(f"GraphType.{each.name}" for each in GraphType), *(f"stage {each.name}" for each in MachineStage)}
    assert wanted | {f"defect {number}" for number in range(1, 25)} <= set(names)


SIZES = [1.0, 2.5, 2.5, 7.25, None, -3.0, 10.5, 2.5]
KINDS = ["Red", "GREEN", "a_1 + b", None, "Red", "Red", "x.", "7"]
DAYS = ["2024-02-29", "1969-12-31", None, "2024-03-01", "2024-02-29", "2000-01-01", "2010-10-10", "2024-02-29"]
TIMES = ["00:00:00", "12:30:00", "23:59:59", None, "06:15:00", "06:15:00", "18:00:00", "01:01:01"]
NOTES = [
    "this is the house that was on the hill",
    "la maison est dans la rue et elle est grande",
    "das Haus ist nicht in der Stadt und es ist alt",
    "questo è il libro che ho letto anche per te",
    "el libro que está en la mesa es de los niños",
    "uma casa que não está na cidade mas é do avô",
    "zzz qqq xxx www",
    "no",
]
COLUMNS = [
    ("size", Datatype.FLOAT, Role.INPUT, SIZES),
    ("when", Datatype.DATE, Role.INPUT, DAYS),
    ("at", Datatype.TIME, Role.INPUT, TIMES),
    ("note", Datatype.LANGUAGE, Role.INPUT, NOTES),
    ("left", Datatype.IGNORE, Role.IGNORE, [None] * 8),
    ("kind", Datatype.LABEL, Role.OUTPUT, KINDS),
]


@pytest.fixture
async def machine(database, owner):
    made = await factories.machine(database, owner.id)
    for position, (name, datatype, role, values) in enumerate(COLUMNS):
        profile = Profile(datatype)
        profile.take(values)
        row = {"name": name, "datatype": datatype, "role": role, "position": position}
        row |= {"profile": profile.figures(), "description": f"About {name}."}
        await factories.add(database, MachineColumn(machine_id=made.id, **row))
    return made


@pytest.fixture
def shown(ask, machine, owner):
    async def shown(*names):
        answer = await ask(
            f"query($id: ID!) {{ machine(id: $id) {{ {' '.join(names)} }} }}", viewer=owner, id=ids.encode(machine)
        )
        assert not answer.errors
        return answer["machine"]

    return shown


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(each.title() for each in rest)


async def test_what_columns_are_and_are_for_is_told_by_their_names(shown):
    names = [name for name, *_ in COLUMNS]
    datatypes = {name: datatype.value for name, datatype, *_ in COLUMNS}
    are = {role: {name: own is role for name, _, own, _ in COLUMNS} for role in Role}
    none = dict.fromkeys((each.value for each in Datatype), 0)
    inputs = none | {"FLOAT": 1, "DATE": 1, "TIME": 1, "LANGUAGE": 1}
    expected = {
        "dfrColumnsDescriptionUserDf": {name: f"About {name}." for name in names},
        "dfrColumnsTypeUserDf": datatypes,
        "dfrColumnsPythonUserDf": {},
        "mdcColumnsNameInputUserDf": are[Role.INPUT],
        "mdcColumnsNameOutputUserDf": are[Role.OUTPUT],
        "mdcColumnsNameInput": are[Role.INPUT],
        "mdcColumnsNameOutput": are[Role.OUTPUT],
        "mdcColumnsDataType": datatypes,
        "mdcColumnsTotalCount": 5,
        "mdcColumnsInputCount": 4,
        "mdcColumnsOutputCount": 1,
        "mdcColumnsCountOfDatatypes": inputs | {"LABEL": 1},
        "mdcColumnsInputCountOfDatatypes": inputs,
        "mdcColumnsOutputCountOfDatatypes": none | {"LABEL": 1},
        "mdcColumnsJsonStructure": None,
    }
    assert await shown(*expected) == expected


def _as_numbers(datatype, values):
    present = [each for each in values if each is not None]
    if datatype is Datatype.DATE:
        return [datetime.fromisoformat(each).replace(tzinfo=UTC).timestamp() for each in present]
    if datatype is Datatype.TIME:
        return [3600 * int(each[:2]) + 60 * int(each[3:5]) + int(each[6:]) for each in present]
    return present if datatype is Datatype.FLOAT else [len(each) for each in present]


async def test_what_values_look_like_is_what_statistics_say(shown):
    of = {
        "mean": np.mean,
        "std_dev": lambda each: np.std(each, ddof=1),
        "skewness": stats.skew,
        "kurtosis": stats.kurtosis,
        "min": np.min,
        "max": np.max,
        "quantile02": lambda each: np.quantile(each, 0.2),
        "quantile03": lambda each: np.quantile(each, 0.3),
        "quantile07": lambda each: np.quantile(each, 0.7),
        "quantile08": lambda each: np.quantile(each, 0.8),
        "sem": stats.sem,
        "median": np.median,
        "mode": lambda each: stats.mode(each).mode,
    }
    told = await shown(*(f"mdcColumnsValues{camel('x_' + name)[1:]}" for name in of))
    used = {name: _as_numbers(datatype, values) for name, datatype, _, values in COLUMNS if name != "left"}
    for name, figure in of.items():
        expected = {column: float(figure(np.array(values, float))) for column, values in used.items()}
        assert told[f"mdcColumnsValues{camel('x_' + name)[1:]}"] == pytest.approx(expected, rel=1e-9), name


async def test_missing_different_and_frequent_values_are_counted(shown):
    told = await shown(
        "mdcColumnsUniqueValuesCount", "mdcColumnsMissingPercentage", "mdcColumnsMostFrequentValuesCount"
    )
    assert told["mdcColumnsUniqueValuesCount"] == {"size": 5, "when": 5, "at": 6, "note": 8, "left": 0, "kind": 5}
    present = {"size": 12.5, "when": 12.5, "at": 12.5, "note": 0, "left": 100, "kind": 12.5}
    assert told["mdcColumnsMissingPercentage"] == present
    assert told["mdcColumnsMostFrequentValuesCount"] == {"size": 5, "when": 5, "at": 6, "kind": 5}


async def test_kinds_of_characters_and_languages_of_texts_are_shares(shown):
    kinds = {
        "uppercase": str.isupper,
        "lowercase": str.islower,
        "digit": str.isdigit,
        "punctuation": lambda each: each in ".,;:!?'\"()[]{}",
        "operators": lambda each: each in "+-*/=<>%^&|~",
        "underscore": lambda each: each == "_",
        "space": str.isspace,
    }
    languages = ("en", "fr", "de", "it", "es", "pt", "others", "none")
    names = {each: f"mdcColumnsValuesStrPercent{each.title()}" for each in kinds}
    names |= {each: f"mdcColumnsValuesStrLanguage{each.title()}" for each in languages}
    told = await shown(*names.values())
    for kind, holds in kinds.items():
        characters = {"note": "".join(NOTES), "kind": "".join(each for each in KINDS if each)}
        shares = {name: sum(map(holds, text)) / len(text) for name, text in characters.items()}
        assert told[names[kind]] == pytest.approx(shares), kind
    expected = dict.fromkeys(("en", "fr", "de", "it", "es", "pt"), 0.125) | {"others": 0, "none": 0.25}
    assert {each: told[names[each]]["note"] for each in languages} == expected


async def test_what_the_owner_sets_is_kept(change, shown, machine, owner):
    given = {
        "machineName": "Cells of mine",
        "machineDescription": "All of them.",
        "machineDataSourceIsPublic": True,
        "machineDataSourceSampleOnlyPublic": True,
        "machineDataSourcePriceUsd": "1.50000000",
        "machineApiSolvingIsPublic": True,
        "machineApiSolvingPriceUsd": "0.00010000",
        "machineMachineIsDuplicatable": True,
        "machineMachineCopyCostUsd": "2.00000000",
        "machineMachineCopyUpdateCostUsd": "3.00000000",
        "machineIsDataLinesTrainingCountLimitEnabled": True,
        "machineDataLinesTrainingCountLimit": 60,
        "parameterNnLoss": NNLoss.MAE.value,
        "parameterNnOptimizer": NNOptimizer.RMSPROP.value,
    }
    changed = await change("updateMachine", "id", viewer=owner, id=ids.encode(machine), **given)
    assert changed["__typename"] == "Machine", changed
    told = await shown(*given, "createdAt machineLevel machineOwnerUser { id } machineOwnerTeam { id }")
    for name, value in given.items():
        same = Decimal(told[name]) == Decimal(value) if name.endswith("Usd") else told[name] == value
        assert same, name
    assert told["createdAt"]
    assert (told["machineLevel"], told["machineOwnerTeam"]) == (1, None)
    assert told["machineOwnerUser"]["id"] == ids.encode(owner.user)


STAGES = [f"machine_is_re_run_{each.value.lower()}" for each in MachineStage]
LINE = {"size": 1.5, "when": "2024-01-01", "at": "10:00:00", "note": "none", "kind": "Red"}


@pytest.mark.parametrize(
    ("mutation", "given", "again"),
    [
        ("updateMachine", {"parameterNnLoss": "MAE"}, STAGES[5:]),
        ("updateMachine", {"parameterNnOptimizer": "SGD"}, STAGES[5:]),
        ("updateMachine", {"parameterNnShape": {"HiddenLayerCount": 2}, "parameterNnLoss": "MAE"}, STAGES[4:]),
        ("updateMachine", {"machineName": "Others"}, []),
        ("appendLines", {"rows": [LINE], "purpose": "LEARNING"}, STAGES),
    ],
)
async def test_a_stage_that_is_done_again_does_all_after_it_again(
    change, shown, database, machine, owner, mutation, given, again
):
    async with database.writing() as session:
        held = await session.get_one(Machine, machine.id)
        held.status = MachineStatus.READY
        for stage in STAGES:
            setattr(held, stage, False)
    named = {"id" if mutation == "updateMachine" else "machineId": ids.encode(machine)}
    changed = await change(mutation, viewer=owner, **named, **given)
    assert "message" not in changed, changed
    told = await shown(*map(camel, STAGES), "stages { stage isReRun }")
    assert [each for each in STAGES if told[camel(each)]] == again
    assert [f"machine_is_re_run_{each['stage'].lower()}" for each in told["stages"] if each["isReRun"]] == again


async def test_what_the_owner_sets_reaches_the_learner(database, machine):
    async with database.writing() as session:
        held = await session.get_one(Machine, machine.id)
        held.parameter_nn_loss, held.parameter_nn_optimizer = NNLoss.MAE.value, NNOptimizer.RMSPROP
        held.parameter_nn_shape, held.machine_level = {"HiddenLayerCount": 2}, 4
        work = Work(machine_id=machine.id, kind=WorkKind.TRAINING, options={"budgetS": 7, "seed": 11})
        session.add(work)
    async with database.writing() as session:
        request = (await trainings.begin_training(session, work.id, server_name="here")).request
    wanted = {"loss": "mae", "optimizer": "rmsprop", "shape": {"HiddenLayerCount": 2}, "level": 4}
    assert {name: request[name] for name in wanted} == wanted
    assert (request["budget_s"], request["seed"]) == (7, 11)


def test_the_level_is_chosen_once():
    assert "level" in SCHEMA["CreateMachineInput"].fields
    assert not {"level", "machineLevel"} & SCHEMA["UpdateMachineInput"].fields.keys()


BOARD = {"name": "network-1", "kind": "network", "fitS": 3.4, "facts": {"epochs": 64, "batch": 128}}
SAMPLES = {
    "scaler": 0.5,
    "loss": {"learning": 0.1, "evaluation": 0.2, "learningNoise": 0.3, "evaluationNoise": 0.4},
    "accuracy": {"learning": 0.9, "evaluation": 0.8, "learningNoise": 0.7, "evaluationNoise": 0.6},
}
OUTCOME = {
    "tookS": 12.5,
    "encodedInputs": 9,
    "encodedOutputs": 1,
    "delays": {"encodersS": 2.2, "importanceS": 1.8},
    "inputs": [{"name": "size", "encoders": ["number"]}, {"name": "when", "encoders": ["number", "flag"]}],
    "suggestions": [{"message": "Split by time.", "isLoud": True}],
    "warnings": ["One class is rare."],
    "outputs": [
        {
            "name": "kind",
            "split": {"learningRows": 80, "evaluationRows": 20},
            "leaderboard": [BOARD, {"name": "linear", "kind": "linear", "fitS": 9.0, "facts": {}}],
            "importance": [{"name": "size", "share": 0.75}, {"name": "when", "share": 0.25}],
            "samples": SAMPLES,
        }
    ],
}


def test_a_training_writes_what_it_found_out():
    machine = Machine()
    versions._describe(machine, OUTCOME, "x86_64, 2 cores")
    assert (machine.fe_columns_fet, machine.fe_count_of_fet) == (
        {"size": ["number"], "when": ["number", "flag"]},
        {"number": 2, "flag": 1},
    )
    assert machine.fe_columns_inputs_importance_evaluation == {"size": 0.75, "when": 0.25}
    assert (machine.fe_budget_total, machine.fe_find_delay_sec) == (9, 2)
    assert machine.fe_columns_inputs_importance_find_delay_sec == 2
    counts = machine.enc_dec_columns_info_input_encode_count, machine.enc_dec_columns_info_output_encode_count
    assert counts == (9, 1)
    assert (machine.parameter_nn_find_delay_sec, machine.parameter_nn_loss_scaler) == (3, Decimal("0.5"))
    assert machine.training_training_total_delay_sec == Decimal("12.5")
    assert machine.training_training_cell_delay_sec == Decimal("0.0125000000")
    assert (machine.training_training_epoch_count, machine.training_training_batch_size) == (64, 128)
    assert (machine.training_total_training_line_count, machine.training_type_machine_hardware) == (
        80,
        "x86_64, 2 cores",
    )
    assert machine.training_date_time_machine_model is not None
    sides = {"training": "learning", "evaluation": "evaluation"}
    for what in ("loss", "accuracy"):
        for ours, theirs in sides.items():
            for suffix, noise in (("", ""), ("_noise", "Noise")):
                value = getattr(machine, f"training_eval_{what}_sample_{ours}{suffix}")
                assert value == Decimal(str(SAMPLES[what][theirs + noise])), (what, ours, suffix)
    assert machine.training_eval_outputs_cols_loss_sample_evaluation == {"kind": 0.2}
    assert machine.training_eval_outputs_cols_accuracy_sample_evaluation == {"kind": 0.8}
    assert machine.machine_columns_warnings == {"*": "Split by time.\n\nOne class is rare."}


async def test_a_lock_is_shown_while_a_job_holds_it(shown, change, database, machine, owner):
    job = await factories.job(database, kind=AutomlJob.APPEND_LINES, user_id=owner.id)
    async with database.writing() as session:
        held = await session.get_one(Machine, machine.id)
        held.pending, held.status = {"storage_key": "uploads/1", "purpose": "LEARNING"}, MachineStatus.READY
        held.table_options = {"header": True, "description_row": False}
    async with database.writing() as session:
        plan = await loading.begin_loading(session, machine.id, job.id)
    assert plan.options == {"header": True, "description_row": False}
    told = await shown("tableLocks { nodes { tableName lockedAt job { id } } }")
    [lock] = told["tableLocks"]["nodes"]
    assert lock.pop("lockedAt")
    assert lock == {"tableName": f"machine_lines_{machine.id}", "job": {"id": ids.encode(job)}}
    async with database.writing() as session:
        (await session.get_one(Machine, machine.id)).pending = None
    refused = await change("deleteLines", viewer=owner, machineId=ids.encode(machine), lineIds=["TWFjaGluZUxpbmU6MQ"])
    assert (refused["code"], "A job is changing the lines" in refused["message"]) == ("CONFLICT", True)


async def test_a_limit_of_lines_is_heeded(database, machine, tmp_path):
    async with database.writing() as session:
        held = await session.get_one(Machine, machine.id)
        held.machine_is_data_lines_training_count_limit_enabled, held.machine_data_lines_training_count_limit = True, 3
        for at in range(8):
            given = {"is_for_learning": at < 6, "is_for_evaluation": at >= 6, "has_outputs": True}
            session.add(MachineLine(machine_id=machine.id, values=[at, None, None, None, None, "k"], **given))
        work = Work(machine_id=machine.id, kind=WorkKind.TRAINING, options={"budgetS": 1, "seed": 0})
        session.add(work)
    async with database.writing() as session:
        plan = await trainings.begin_training(session, work.id, server_name="here")
    async with database.reading() as session:
        await trainings.write_lines(session, plan, tmp_path / "rows")
    written = [orjson.loads(line) for line in (tmp_path / "rows").read_bytes().splitlines()]
    assert sorted(purpose for *_, purpose in written) == ["EVALUATION"] * 2 + ["LEARNING"] * 3


def test_types_of_fields_are_those_of_their_columns():
    for name, shown, _ in FIELDS:
        table, _, column = name.partition(".")
        if "." in shown and (kind := getattr(machines, table, None)) is not None and hasattr(kind, "__table__"):
            stored = kind.__table__.columns.get(column)
            if stored is not None and re.match(r"NUMERIC", str(stored.type)):
                assert str(get_named_type(SCHEMA[table].fields[shown.split(".")[1]].type)) == "Decimal"
