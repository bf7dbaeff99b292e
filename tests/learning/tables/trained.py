"""A small table with a known truth, and what is learned from it."""

import json

import numpy as np

from app.learning.tables import training
from app.learning.tables.requests import TableRequest
from app.tabular.predictor import Predictor

RANDOM = np.random.default_rng(11)
ROWS = 240


def column(name, datatype="FLOAT", role="INPUT"):
    return {"id": name, "name": name, "datatype": datatype, "role": role}


def silent(*_, **__):
    pass


class Trained:
    """A folder with a table, and what was learned from it."""

    def __init__(self, folder, columns, purposes=None, *, cancelled=lambda: False, **options):
        folder.mkdir(exist_ok=True)
        self.folder, self.columns = folder, [described for described, _ in columns]
        rows = zip(*(cells for _, cells in columns), strict=True)
        lines = [json.dumps([*row, purposes[place] if purposes else None]) for place, row in enumerate(rows)]
        (folder / "rows.ndjson").write_text("\n".join(lines) + "\n")
        options = {"budget_s": 600, "epochs_max": 0, "trees_max": 60, **options}
        self.said = []
        request = TableRequest(columns=self.columns, **options)
        self.result = training.learn(folder, request, lambda *a, **k: self.said.append((a, k)), cancelled)
        self.data = (folder / "machine.safetensors").read_bytes()
        self.machine = Predictor.load(self.data)
        self.outcome = json.loads((folder / "outcome.json").read_text())

    @property
    def output(self):
        return self.outcome["outputs"][0]

    def answers(self, rows):
        return self.machine.answer(rows)[0][0]


SIZES = [round(float(each), 3) for each in RANDOM.normal(size=ROWS)]
COLOURS = [["red", "green", "blue"][each] for each in RANDOM.integers(0, 3, ROWS)]
KINDS = ["Ja" if size + (colour == "red") > 0.3 else "Nein" for size, colour in zip(SIZES, COLOURS, strict=True)]
PRICES = [1000 + 250 * size + (90 if colour == "blue" else 0) for size, colour in zip(SIZES, COLOURS, strict=True)]
INPUTS = [(column("size"), SIZES), (column("colour", "LABEL"), COLOURS)]
KIND = (column("kind", "LABEL", "OUTPUT"), KINDS)
PRICE = (column("price", "FLOAT", "OUTPUT"), PRICES)
