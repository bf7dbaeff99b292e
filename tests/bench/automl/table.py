"""A table drawn from a seed: 5 000 rows of 12 numbers, 7 labels and an output with two classes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from app.database import Database
from app.gateways import storage
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.models import NNModel
from app.tabular.choices import MachineStatus
from app.tabular.datatypes import Datatype, Role

ROWS, NUMBERS, LABELS, CLASSES = 5_000, 12, 7, 6
NAMES = [f"number {at}" for at in range(NUMBERS)] + [f"label {at}" for at in range(LABELS)]
OUTPUT = "kind"


def drawn() -> tuple[Any, Any, Any]:
    """Numbers, codes of labels, and whether a row is of the second class."""
    random = np.random.default_rng(7)
    numbers, codes = random.normal(size=(ROWS, NUMBERS)), random.integers(0, CLASSES, (ROWS, LABELS))
    signal = numbers[:, 0] + numbers[:, 1] * numbers[:, 2] + (codes[:, 0] == 3) - (codes[:, 1] > 3) * numbers[:, 3]
    return numbers.round(4), codes, signal + random.normal(size=ROWS) * 0.5 > 0


def rows() -> list[list[Any]]:
    """The rows with their outputs, as lines have them."""
    numbers, codes, kinds = drawn()
    return [
        [*map(float, some), *(f"c{code}" for code in own), "yes" if kind else "no"]
        for some, own, kind in zip(numbers, codes, kinds, strict=True)
    ]


def rows_to_ask() -> list[dict[str, Any]]:
    """The first 1 000 rows, without their outputs."""
    return [dict(zip(NAMES, row, strict=False)) for row in rows()[:1_000]]


def columns() -> list[tuple[str, Datatype, Role]]:
    """The columns of a machine."""
    inputs = [(name, Datatype.FLOAT if at < NUMBERS else Datatype.LABEL, Role.INPUT) for at, name in enumerate(NAMES)]
    return [*inputs, (OUTPUT, Datatype.LABEL, Role.OUTPUT)]


def write(folder: Path, *, level: int, budget_s: float) -> None:
    """What the engine needs to learn."""
    folder.mkdir()
    described = [
        {"id": str(at), "name": name, "datatype": datatype.value, "role": role.value}
        for at, (name, datatype, role) in enumerate(columns())
    ]
    request = {"task": "learn_table", "columns": described, "level": level, "budget_s": budget_s}
    (folder / "request.json").write_text(json.dumps(request))
    (folder / "rows.ndjson").write_text("\n".join(json.dumps([*row, None]) for row in rows()))


async def store(database_url: str, redis_url: str, folder: Path, owner_id: int = 1) -> Machine:
    """A machine that answers with what was learned."""
    content = (folder / "machine.safetensors").read_bytes()
    database = Database(database_url, redis_url)
    async with database.writing() as session:
        machine = Machine(machine_owner_user_id=owner_id, machine_name="Bench", status=MachineStatus.READY)
        session.add(machine)
        await session.flush()
        for at, (name, datatype, role) in enumerate(columns()):
            session.add(MachineColumn(machine_id=machine.id, position=at, name=name, datatype=datatype, role=role))
        key = f"machines/{machine.id}/1.safetensors"
        sha256 = hashlib.sha256(content).hexdigest()
        facts = {"level": 3, "seed": 0, "storage_key": key, "sha256": sha256, "size_bytes": len(content)}
        model = NNModel(machine_id=machine.id, version=1, **facts)
        session.add(model)
        await session.flush()
        machine.training_nn_model_id = model.id
    await storage.put(key, content)
    await database.close()
    return machine
