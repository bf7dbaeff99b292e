"""A machine to take along: its file, what its columns are, a reader that needs NumPy alone, and ONNX if asked."""

import io
from collections.abc import Sequence
from importlib.resources import files
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import orjson

README = """This is a machine of Fieldgraph.

machine.safetensors   what was learned: arrays, and all else as JSON in the header
machine.json          the columns, how their values are written, and how good it is
reader.py             answers with both, with Python 3.11 and NumPy

    python reader.py rows.json

rows.json is a list of objects by the names of columns. The answer has, for each row and output, a value with the
probabilities of its classes, or with the interval that the truth lies in in nine of ten rows.
"""
ONNX_README = """
machine.onnx answers rows that `encode` of reader.py has encoded: it gives the inputs `inputs`, `numbers`, `wide` and
`indexes` of a row, in this order. The outputs have the names of the columns: probabilities of the classes, or a number.
The metadata says which classes, and has the threshold or the margin of the interval.
"""


def bundle(machine: bytes, described: dict[str, Any], onnx: bytes | None = None) -> bytes:
    """All of it as a ZIP archive."""
    target = io.BytesIO()
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        archive.writestr("machine.safetensors", machine, ZIP_STORED)
        archive.writestr(
            "machine.json", orjson.dumps(described, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
        )
        archive.writestr("reader.py", files("app.tabular").joinpath("reader.py").read_bytes())
        if onnx is not None:
            archive.writestr("machine.onnx", onnx)
        archive.writestr("README.txt", README + (ONNX_README if onnx is not None else ""))
    return target.getvalue()


def described(name: str, version: int, columns: Sequence[dict[str, Any]], figures: Any) -> dict[str, Any]:
    """What stands in `machine.json`."""
    return {"name": name, "version": version, "columns": list(columns), "figures": figures}
