"""The house keeps its own rules: what a reviewer would say, said by a test."""

import ast
import importlib.metadata
import operator
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import get_named_type
from sqlalchemy.orm import InstrumentedAttribute
from strawberry.utils.str_converters import to_camel_case

from app.models import Base, JobKind
from app.pagination import Order
from app.policies import _visibility
from jobs.broker import WORKS
from jobs.worker import main  # noqa: F401 -- registers every job
from resolvers.loaders import conditions, foreign_key
from schema import schema
from schema.fields import NestedPages, Pages

ROOT = Path(__file__).parent.parent
LAYERS = ("app", "schema", "resolvers", "jobs")
FUNCTION_LINES_MAX = 40
FILE_LINES_MAX = 400
FILES = sorted(file for layer in LAYERS for file in (ROOT / layer).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("file", [*FILES, *TESTS], ids=named)
def test_every_file_is_short(file):
    assert len(file.read_text().splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("file", FILES, ids=named)
def test_every_function_fits_a_screen(file):
    for function in functions(file):
        docstring = len((ast.get_docstring(function) or "").splitlines())
        lines = function.end_lineno - function.body[0].lineno + 1 - docstring
        assert lines <= FUNCTION_LINES_MAX, f"{function.name} has {lines} lines"


@pytest.mark.parametrize("file", FILES, ids=named)
def test_every_module_says_what_it_is_for(file):
    assert ast.get_docstring(ast.parse(file.read_text()))


@pytest.mark.parametrize("file", [file for file in FILES if named(file) != "app/database.py"], ids=named)
def test_only_the_database_begins_and_commits(file):
    calls = {node.func.attr for node in ast.walk(ast.parse(file.read_text())) if is_method_call(node)}
    allowed = {"commit"} if named(file) == "app/migrate.py" else set()
    assert calls & {"commit", "rollback", "begin_nested"} <= allowed


def is_method_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


ASKING = {"require", "visible", "signed_in"}


@pytest.mark.parametrize("file", sorted((ROOT / "app/services").rglob("*.py")), ids=named)
def test_every_write_on_behalf_of_somebody_asks_a_policy(file):
    for function in functions(file):
        takes = {ast.unparse(argument.annotation) for argument in function.args.args if argument.annotation}
        if {"WriteSession", "Viewer"} <= takes:
            assert function.name in askers(), f"{function.name} asks no policy"


def names_called(function: ast.AST) -> set[str]:
    called = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return {function.id for function in called if isinstance(function, ast.Name)}


def askers() -> set[str]:
    """The services that ask, themselves or through another."""
    services = [function for file in (ROOT / "app/services").rglob("*.py") for function in functions(file)]
    asking: set[str] = set()
    while more := {service.name for service in services if names_called(service) & (ASKING | asking)} - asking:
        asking |= more
    return asking


def test_every_table_says_who_may_see_it():
    assert {mapper.class_ for mapper in Base.registry.mappers} == set(_visibility)


def test_every_job_has_one_actor():
    assert set(WORKS) == set(JobKind)


def pages() -> list[tuple[str, type[Base], list[str], type[Order]]]:
    """Every list of the schema: its name, its table, the columns its rows are found by, its orders."""
    found = []
    for shown in schema._schema.type_map.values():
        definition = (shown.extensions or {}).get("strawberry-definition")
        for field in getattr(definition, "fields", ()):
            for extension in field.extensions:
                if isinstance(extension, NestedPages):
                    relationship: InstrumentedAttribute = extension.relationship
                    table = relationship.property.mapper.class_
                    found.append(
                        (
                            f"{shown.name}.{field.name}",
                            table,
                            [*fixed(relationship), foreign_key(relationship).name],
                            extension.declared.order,
                        )
                    )
                elif isinstance(extension, Pages):
                    answer = get_named_type(shown.fields[to_camel_case(field.name)].type)
                    table = table_named(answer.name.removesuffix("Connection"))
                    found.append((f"{shown.name}.{field.name}", table, [], extension.declared.order))
    return found


def fixed(relationship: InstrumentedAttribute) -> list[str]:
    """The columns whose value a relation gives."""
    return [each.left.name for each in conditions(relationship) if each.operator is operator.eq]


def table_named(name: str) -> type[Base]:
    return next(mapper.class_ for mapper in Base.registry.mappers if mapper.class_.__name__ == name)


@pytest.mark.parametrize(("field", "table", "parents", "orders"), pages(), ids=lambda value: str(value)[:60])
def test_every_list_has_its_index(field, table, parents, orders):
    indexes = [[column.name for column in index.columns] for index in table.__table__.indexes] + [["id"]]
    for order in orders:
        # A parent's page by another column than the id sorts that parent's rows: they are few.
        key = [*parents, "id"] if order.column == "id" or parents else [order.column, "id"]
        assert any(index[: len(key)] == key for index in indexes), f"{field} by {order.name} needs an index on {key}"


def test_no_dependency_brings_a_package_named_like_a_layer():
    providers = importlib.metadata.packages_distributions()
    for layer in LAYERS:
        assert providers.get(layer, ["fieldgraph"]) == ["fieldgraph"]


def test_no_name_is_a_bin():
    for file in FILES:
        assert not {"utils", "helpers", "manager", "misc", "common"} & set(file.relative_to(ROOT).with_suffix("").parts)
