"""What the examples of the guide find: the demo's people, a labelled dataset, a training that has ended, its files."""

from datetime import UTC, datetime

from shapely import Polygon, box
from sqlalchemy import update

from app.database import Database
from app.demo import people
from app.gateways import storage
from app.models.accounts import User
from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.readings import TableReading, TableReadingStatus
from app.models.automl.works import Work
from app.models.mapping.trainings import TrainingStatus
from app.models.wildlife.media import Resource
from app.services.accounts.sign_in import sessions
from app.tabular.choices import MachineStatus, WorkKind, WorkStatus
from app.tabular.datatypes import Datatype, DecimalSign, Role
from resolvers import ids
from tests import factories
from tests.automl import learned
from tests.billing.books import give
from tests.docs.examples import Values
from tests.wildlife import classifying
from tests.wildlife import factories as wildlife

FIGURES = {"accuracy": 73.6, "pixel_accuracy": 91.2, "precision": 85.0, "recall": 84.0, "f1": 84.5}
ENDED = datetime(2026, 11, 28, 12, tzinfo=UTC)
LEARNED = {
    "outputs": [
        {
            "name": "kind",
            "metric": "logLoss",
            "split": {"by": "RANDOM", "column": None, "learningRows": 100, "evaluationRows": 20},
            "figures": {
                "rows": 20,
                "logLoss": 0.1,
                "accuracy": 0.95,
                "auc": 0.98,
                "classes": ["flat", "round"],
                "confusion": [[9, 1], [0, 10]],
            },
            "leaderboard": [
                {
                    "name": "linear",
                    "kind": "linear",
                    "metric": "logLoss",
                    "score": 0.1,
                    "foldScores": [0.1],
                    "weight": 1.0,
                    "fitS": 0.01,
                    "predictS": 0.001,
                    "bytes": 64,
                }
            ],
            "importance": [{"name": "size", "share": 1.0, "lossIncrease": 0.5, "spread": 0.02, "extremesShare": 1.0}],
        }
    ],
    "suggestions": [
        {
            "by": "GROUP",
            "name": "person",
            "metric": "logLoss",
            "randomScore": 0.1,
            "score": 0.9,
            "isLoud": True,
            "message": "person repeats, so rows of the same one are learned from and judged by.",
        }
    ],
}
CHECKPOINT = "trainings/1/1/checkpoint.safetensors"


def area(number: int) -> Polygon:
    """One of the dataset's areas, some 80 m wide."""
    west = 12.0 + number / 500
    return box(west, 46.0, west + 0.001, 46.001)


def house(number: int) -> Polygon:
    """A building, some 8 m wide, in the first area."""
    south = 46.0002 + number / 5_000
    return box(12.0002, south, 12.0003, south + 0.0001)


async def make(database: Database) -> Values:
    """Makes all of it; the values of the placeholders that every page may use."""
    values = Values()
    async with database.writing() as session:
        viewers = await people.make(session)
        for name, viewer in viewers.items():
            assert viewer.user_id is not None, "the demo's people have accounts"
            user = await session.get_one(User, viewer.user_id)
            values[f"{name.upper()}_TOKEN"] = (await sessions.open_session(session, user)).token
            values[f"{name.upper()}_ID"] = ids.encode(user)
    mapper_id = viewers["mapper"].user_id
    dataset = await factories.dataset(database, mapper_id, name=people.DATASET, status="ACTIVE")
    for number in range(2):
        drawn = await factories.aoi(database, dataset, geom=area(number))
    for number in range(3):
        await factories.label(database, drawn, geom=house(number))
    model = await factories.model(database, dataset, name="Village roofs")
    times = {"started_at": ENDED, "finished_at": ENDED}
    ended = await factories.training(database, model, status=TrainingStatus.FINISHED, **FIGURES, **times)
    await storage.put(CHECKPOINT, b"weights")
    await factories.artifact(database, training_id=ended.id, storage_key=CHECKPOINT, size_bytes=7)
    values |= {
        "TOKEN": values["MAPPER_TOKEN"],
        "DATASET_ID": ids.encode(dataset),
        "AOI_ID": ids.encode(drawn),
        "MODEL_ID": ids.encode(model),
        "TRAINING_ID": ids.encode(ended),
    }
    values |= await _machine(database, mapper_id)
    await give(database, viewers["mapper"].user_id, 200)
    await give(database, viewers["surveyor"].user_id, 20)
    values |= await _wood(database, viewers["ecologist"].user_id)
    return values


async def _machine(database: Database, owner_id: int) -> dict[str, str]:
    """A table that was read, and a machine with one line of it."""
    read = {"date_order": None, "description": None, "examples": [], "missing_percentage": 0.0, "issues": []}
    size = read | {"name": "size", "position": 0, "datatype": "FLOAT", "role": "INPUT", "decimal": ","}
    kind = read | {"name": "kind", "position": 1, "datatype": "LABEL", "role": "OUTPUT", "decimal": None}
    reasons = "All values are numbers with a decimal comma.", "Texts with 3 different values."
    columns = [each | {"reason": reason} for each, reason in zip((size, kind), reasons, strict=True)]
    reading = await factories.add(
        database,
        TableReading(
            user_id=owner_id,
            storage_key="uploads/cells",
            status=TableReadingStatus.FINISHED,
            decimal_sign=DecimalSign.COMMA,
            row_count=40,
            report={"columns": columns, "sheets": [], "notes": []},
        ),
    )
    machine = await factories.machine(database, owner_id, status=MachineStatus.READY, learning_line_count=1)
    profile = {"missing_percentage": 0.0, "distinct": 1, "frequent": 1, "top": [[1.5, 1]], "min": 1.5, "max": 1.5}
    profile |= {"mean": 1.5, "histogram": {"edges": [1.0, 2.0], "counts": [1]}}
    for each, seen in ((size, profile), (kind, {})):
        kept = {"position": each["position"], "name": each["name"], "decimal": each["decimal"], "profile": seen}
        said = {"datatype": Datatype(each["datatype"]), "role": Role(each["role"])}
        await factories.add(database, MachineColumn(machine_id=machine.id, **kept, **said))
    line = {"is_for_learning": True, "has_outputs": True, "values": [1.5, "round"]}
    await factories.add(database, MachineLine(machine_id=machine.id, **line))
    made = {"TABLE_READING_ID": ids.encode(reading), "MACHINE_ID": ids.encode(machine)}
    return made | await _trained_machine(database, owner_id)


async def _trained_machine(database: Database, owner_id: int) -> dict[str, str]:
    """A machine that was trained once, with a version whose file was changed."""
    counts = {"learning_line_count": 100, "evaluation_line_count": 20}
    machine = await factories.machine(database, owner_id, status=MachineStatus.READY, **counts)
    for position, name in enumerate(("size", "person", "kind")):
        role = Role.OUTPUT if name == "kind" else Role.INPUT
        datatype = Datatype.FLOAT if name == "size" else Datatype.LABEL
        said = {"position": position, "name": name, "datatype": datatype, "role": role}
        await factories.add(database, MachineColumn(machine_id=machine.id, **said))
    version = await factories.nn_model(database, machine.id, figures=LEARNED)
    await storage.put(version.storage_key, b"changed")
    async with database.writing() as session:
        await session.execute(update(Machine).where(Machine.id == machine.id).values(training_nn_model_id=version.id))
    ended = {"stage": "refitting", "progress": 1.0, "best_score": 0.25, "work_finished_at_date_time": ENDED}
    work = Work(
        machine_id=machine.id,
        user_id=owner_id,
        kind=WorkKind.TRAINING,
        status=WorkStatus.FINISHED,
        nn_model_id=version.id,
        **ended,
    )
    asked = await learned.certain(database, owner_id)
    names = {
        "ASKED_MACHINE_ID": asked,
        "TRAINED_MACHINE_ID": machine,
        "VERSION_ID": version,
        "WORK_ID": await factories.add(database, work),
    }
    return {name: ids.encode(row) for name, row in names.items()}


async def _wood(database: Database, ecologist_id: int) -> dict[str, str]:
    """A burst of two pictures in a project of the ecologist's; a model took the deer of the first for a fox."""
    at = await classifying.season(database, ecologist_id, media=2)
    fox, deer = [await wildlife.species(database, name) for name in ("Vulpes vulpes", "Capreolus capreolus")]
    burst = await wildlife.sequence(database, at.deployment, resource_count=2)
    async with database.writing() as session:
        await session.execute(update(Resource).values(sequence_id=burst.id))
    await classifying.by_ai(database, at, 0, classifying.seen(fox))
    return {"WOOD_PROJECT_ID": ids.encode(at.project), "DEER_ID": ids.encode(deer), "BURST_ID": ids.encode(burst)}
