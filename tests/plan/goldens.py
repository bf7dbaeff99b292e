"""Documents and their plans as text, side by side in `golden`; `make plans` writes the plans anew.

A document says in comments for whom it is planned, and with which variables: `# viewer: staff`, `# variables: {…}`.
"""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from graphql import get_operation_ast, parse
from graphql.execution.values import get_variable_values

from app.policies import Viewer
from resolvers.plan import Plans
from schema import schema

FOLDER = Path(__file__).with_name("golden")
VIEWERS = {"stranger": Viewer(), "account": Viewer(1, session_id=1), "staff": Viewer(1, is_staff=True, session_id=1)}


def documents() -> list[Path]:
    """All documents that have a plan beside them."""
    return sorted(FOLDER.glob("*.graphql"))


def plan_of(document: Path) -> str:
    """The plan of a document, as text."""
    text = document.read_text()
    node = parse(text)
    operation = get_operation_ast(node)
    variables = json.loads(_comment(text, "variables") or "{}")
    values: Any = get_variable_values(schema._schema, operation.variable_definitions or (), variables)
    context = SimpleNamespace(viewer=VIEWERS[_comment(text, "viewer") or "stranger"])
    return Plans(schema).of(node, operation).text(context, values)


def beside(document: Path) -> Path:
    """The file of a document's plan."""
    return document.with_suffix(".plan")


def _comment(text: str, name: str) -> str:
    found = re.search(rf"^# {name}: (.+)$", text, re.MULTILINE)
    return found[1] if found else ""


def write() -> None:
    """Writes all plans anew."""
    for document in documents():
        beside(document).write_text(plan_of(document))


if __name__ == "__main__":
    write()
