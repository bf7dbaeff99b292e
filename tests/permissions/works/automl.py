"""What each mutation of machines is given: something of the owner's, whose inputs disturb no other's."""

from typing import Any

from sqlalchemy import update

from app.database import Database
from app.models.accounts import User
from app.models.automl.graphs import Graph
from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.models import NNModel
from app.models.automl.readings import TableReading, TableReadingStatus
from app.models.automl.works import Work
from app.models.kinds.automl import AutomlJob
from app.services.automl.readings import USE
from app.tabular.choices import MachineStatus, WorkKind
from app.tabular.datatypes import Datatype, Role, TableFormat
from resolvers import ids
from tests import factories
from tests.fixtures import Person
from tests.permissions.works.made import Works, uploaded

COLUMN = {"datatype": "LABEL", "reason": "Words.", "decimal": None, "date_order": None, "description": None}
LINE = {"size": "large", "kind": "Ja"}


async def make(database: Database, owner: Person, _other: Person, number: int, inside: str = "inside") -> Works:
    """Machines, and a table that was read; `inside` stands in what is never public."""
    team = await factories.team(database, owner.id, name=f"Machines {number}")
    rows: dict[str, Any] = {"team": team}
    for name in ("machine", "spare machine", "taught", "learned", "solving", "read wrong", "handed over"):
        rows[name] = await _machine(database, owner, name, inside)
    for name in ("learned", "solving"):
        rows["version"] = await _version(database, rows[name])
    job = await factories.job(database, kind=AutomlJob.TRAIN_MACHINE, user_id=owner.id)
    work = Work(machine_id=rows["spare machine"].id, user_id=owner.id, kind=WorkKind.TRAINING, job_id=job.id)
    rows["work"] = await factories.add(database, work)
    given = {"is_for_solving": True, "values": [inside, None]}
    await factories.add(database, MachineLine(machine_id=rows["solving"].id, **given))
    for name in ("line", "spare line"):
        given = {"is_for_learning": True, "has_outputs": True, "values": [inside, "Ja"]}
        rows[name] = await factories.add(database, MachineLine(machine_id=rows["machine"].id, **given))
    for name in ("graph", "spare graph"):
        rows[name] = await factories.add(database, Graph(machine_id=rows["machine"].id, x="kind", y="size"))
    roles = (("size", "INPUT"), ("kind", "OUTPUT"))
    columns = [
        COLUMN | {"name": name, "position": position, "role": role, "missing_percentage": 0}
        for position, (name, role) in enumerate(roles)
    ]
    report = {"columns": [each | {"examples": [inside], "issues": []} for each in columns]}
    read = {"status": TableReadingStatus.FINISHED, "format": TableFormat.CSV, "row_count": 2, "report": report}
    reading = TableReading(user_id=owner.id, storage_key=f"uploads/table-{number}", **read)
    rows["table"] = await factories.add(database, reading)
    heir = (await factories.user(database, f"heir-{number}")).user
    of_both = await factories.team(database, owner.id, heir.id, name=f"Heirs {number}")
    async with database.writing() as session:
        handed = update(Machine).where(Machine.id == rows["handed over"].id)
        await session.execute(handed.values(machine_owner_team_id=of_both.id))
    more = {name: await uploaded(database, owner, USE) for name in ("table", "solved", "judged")}
    return Works(rows, more | {"heir": ids.encode_key(User, heir.id)})


async def _version(database: Database, machine: Machine) -> NNModel:
    """Says that it has learned; the file is not there."""
    given = {"version": 1, "level": 1, "seed": 0, "sha256": "0" * 64, "size_bytes": 1}
    model: NNModel = await factories.add(
        database, NNModel(machine_id=machine.id, storage_key=f"machines/{machine.id}", **given)
    )
    async with database.writing() as session:
        await session.execute(update(Machine).where(Machine.id == machine.id).values(training_nn_model_id=model.id))
    return model


async def _machine(database: Database, owner: Person, name: str, inside: str) -> Machine:
    given: dict[str, Any] = {
        "failure": inside,
        "machine_columns_errors": {"*": inside},
        "machine_columns_warnings": {"*": inside},
    }
    given |= {
        "log_work_message": {"1": inside},
        "learning_line_count": 60,
        "evaluation_line_count": 20,
        "solving_line_count": 1,
        "status": MachineStatus.READY,
    }
    machine = await factories.machine(database, owner.id, machine_name=name, **given)
    profile = {"missing_percentage": 0.0, "distinct": 1, "frequent": 1, "top": [[inside, 1]]}
    looks = {"datatype": Datatype.LABEL, "profile": profile, "notes": {"examples": [inside], "issues": []}}
    for position, (column, role) in enumerate((("size", Role.INPUT), ("kind", Role.OUTPUT))):
        row = MachineColumn(machine_id=machine.id, name=column, position=position, role=role, **looks)
        await factories.add(database, row)
    return machine


def inputs(made: Works) -> dict[str, dict[str, Any]]:
    """What the mutations of machines are given, by their names; in this order all of them can be done."""
    machine, line = made.id("machine"), made.id("line")
    return {
        "requestTableUpload": {"fileName": "table.csv", "bytes": 10},
        "readTable": {"upload": made.more["table"]},
        "createMachine": {"table": made.id("table"), "name": "Cells"},
        "updateMachine": {"id": machine, "machineDescription": "Cells."},
        "correctColumns": {"machineId": made.id("read wrong"), "columns": [{"name": "size", "datatype": "LANGUAGE"}]},
        "moveMachine": {"id": machine, "teamId": made.id("team")},
        "copyMachine": {"id": machine, "name": "Cells again"},
        "appendLines": {"machineId": machine, "rows": [LINE]},
        "updateLines": {"machineId": machine, "lines": [{"lineId": line, "values": {"size": "small"}}]},
        "deleteLines": {"machineId": machine, "lineIds": [made.id("spare line")]},
        "createGraph": {"machineId": machine, "graphType": "HORIZONTAL_BARS", "y": "kind"},
        "updateGraph": {"id": made.id("graph"), "color": "kind"},
        "deleteGraph": {"id": made.id("spare graph")},
        "solve": {"machineId": machine, "rows": [{}]},
        "setCurrentVersion": {"id": made.id("version")},
        "solveFile": {"machineId": made.id("learned"), "upload": made.more["solved"]},
        "evaluateMachine": {"machineId": made.id("learned"), "upload": made.more["judged"]},
        "solveLines": {"machineId": made.id("solving")},
        "trainMachine": {"machineId": made.id("taught")},
        "cancelWork": {"id": made.id("work")},
        "transferMachine": {"id": made.id("handed over"), "userId": made.more["heir"]},
        "deleteMachine": {"id": made.id("spare machine")},
    }
