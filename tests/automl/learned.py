"""A small machine, learned once for each process: made past the API, with its columns and its version."""

import hashlib
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import orjson

from app.gateways import storage
from app.learning.tables import training
from app.learning.tables.requests import TableRequest
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.models import NNModel
from app.tabular.candidates.heads import Constant, Head
from app.tabular.choices import MachineStatus
from app.tabular.datatypes import Datatype, Role
from app.tabular.inputs.encoders import Encoders
from app.tabular.predictor import Predictor
from tests import factories

ROWS = 240
RANDOM = np.random.default_rng(14)
SIZES = [round(float(each), 3) for each in RANDOM.normal(size=ROWS)]
COLOURS = [["Red", "green", "2"][each] for each in RANDOM.integers(0, 3, ROWS)]
DAYS = [f"2024-{1 + each % 12:02d}-{1 + each % 28:02d}" for each in range(ROWS)]
KINDS = ["Ja" if size + (colour == "Red") > 0.3 else "Nein" for size, colour in zip(SIZES, COLOURS, strict=True)]
PRICES = [1000 + 250 * size + (90 if colour == "2" else 0) for size, colour in zip(SIZES, COLOURS, strict=True)]
# Names are data.
COLUMNS = [
    ("size, m", "FLOAT", "INPUT", SIZES),
    ("[colour]", "LABEL", "INPUT", COLOURS),
    ('価格 "when"', "DATE", "INPUT", DAYS),
    ("kind", "LABEL", "OUTPUT", KINDS),
    ("price", "FLOAT", "OUTPUT", PRICES),
    ("left out", "IGNORE", "IGNORE", [None] * ROWS),
]
SIZE, COLOUR, WHEN = (name for name, _, role, _ in COLUMNS if role == "INPUT")


@cache
def learned() -> bytes:
    """The file of the machine."""
    described = [
        {"id": str(at), "name": name, "datatype": datatype, "role": role}
        for at, (name, datatype, role, _) in enumerate(COLUMNS)
    ]
    rows = zip(*(cells for *_, cells in COLUMNS), strict=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "rows.ndjson").write_bytes(b"\n".join(orjson.dumps([*row, None]) for row in rows))
        request = TableRequest(columns=described, level=1, budget_s=600, epochs_max=0, trees_max=8, is_refitted=False)
        training.learn(Path(folder), request, lambda *_, **__: None)
        return Path(folder, "machine.safetensors").read_bytes()


@cache
def other() -> bytes:
    """Another version: it answers that every price is 7."""
    machine = Predictor.load(learned())
    seven = [(1.0, Constant(np.array([7.0])))]
    heads = [replace(head, candidates=seven) if head.name == "price" else head for head in machine.heads]
    return replace(machine, heads=heads).save()


async def machine(database, owner_id, content=None, **fields):
    """A machine that answers with a file."""
    content = learned() if content is None else content
    made = await factories.machine(database, owner_id, **{"status": MachineStatus.READY} | fields)
    for at, (name, datatype, role, _) in enumerate(COLUMNS):
        column = MachineColumn(
            machine_id=made.id,
            position=at,
            name=name,
            datatype=Datatype(datatype),
            role=Role(role),
            decimal="," if datatype == "FLOAT" else None,
            date_order="DMY" if datatype == "DATE" else None,
        )
        await factories.add(database, column)
    await version(database, made, content)
    return made


async def certain(database, owner_id):
    """A machine of one number that answers `round` in three of four rows, whatever it is asked."""
    described = {"id": "0", "name": "size", "datatype": "FLOAT"}
    encoders = Encoders.fit([described], [[1.0, 2.0, 3.0]], text_width=8, is_ranked=False)
    answer = [(1.0, Constant(np.array([0.25, 0.75])))]
    head = Head("1", "kind", "LABEL", ("flat", "round"), answer, shares=(0.5, 0.5))
    made = await factories.machine(database, owner_id, status=MachineStatus.READY)
    for at, (name, datatype, role) in enumerate((("size", "FLOAT", "INPUT"), ("kind", "LABEL", "OUTPUT"))):
        said = {"name": name, "datatype": Datatype(datatype), "role": Role(role), "decimal": ","}
        await factories.add(database, MachineColumn(machine_id=made.id, position=at, **said))
    await version(database, made, Predictor(encoders, [head], {}).save())
    return made


async def version(database, machine, content, number=1):
    """Stores a version, which answers from now on."""
    key = f"machines/{machine.id}/{number}.safetensors"
    await storage.put(key, content)
    row = NNModel(
        machine_id=machine.id,
        version=number,
        level=machine.machine_level,
        seed=0,
        storage_key=key,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )
    model = await factories.add(database, row)
    async with database.writing() as session:
        kept = await session.get_one(Machine, machine.id)
        kept.training_nn_model_id = model.id
    return model
