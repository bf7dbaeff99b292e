"""The house keeps its own rules: what a reviewer would say, said by a test."""

import ast
import importlib.metadata
import operator
from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLNamedType, get_named_type
from sqlalchemy import Column, ColumnElement
from sqlalchemy.orm import InstrumentedAttribute
from strawberry.utils.str_converters import to_camel_case

from app.models.base import Base
from app.models.kinds import JobKind
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
SERVICES = sorted((ROOT / "app/services").rglob("*.py"))
TRANSACTIONS = {"commit", "rollback", "begin_nested"}
ASKING = {"require", "visible", "signed_in"}


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@cache
def nodes(file: Path) -> list[ast.AST]:
    return list(ast.walk(parsed(file)))


@cache
def functions(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in nodes(file) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_every_file_is_short():
    lines = {named(file): len(file.read_text().splitlines()) for file in [*FILES, *TESTS]}
    assert {name: count for name, count in lines.items() if count > FILE_LINES_MAX} == {}


def test_every_function_fits_a_screen():
    lines = {
        f"{named(file)}: {function.name}": function.end_lineno - function.body[0].lineno + 1 - docstring_lines(function)
        for file in FILES
        for function in functions(file)
    }
    assert {name: count for name, count in lines.items() if count > FUNCTION_LINES_MAX} == {}


def docstring_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return len((ast.get_docstring(function) or "").splitlines())


def test_every_module_says_what_it_is_for():
    assert [named(file) for file in FILES if not ast.get_docstring(parsed(file))] == []


def test_only_the_database_begins_and_commits():
    allowed = {"app/database.py": TRANSACTIONS, "app/operations/database/migrate.py": {"commit", "rollback"}}
    calls = {
        named(file): {node.func.attr for node in nodes(file) if is_method_call(node)} & TRANSACTIONS for file in FILES
    }
    assert {name: found for name, found in calls.items() if found - allowed.get(name, set())} == {}


def test_every_program_is_told_an_environment_of_its_own():
    starts = {"subprocess.Popen", "subprocess.run", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"}
    calls = [
        (f"{named(file)}:{node.lineno}", {keyword.arg for keyword in node.keywords})
        for file in FILES
        for node in nodes(file)
        if is_method_call(node) and f"{ast.unparse(node.func.value)}.{node.func.attr}" in starts
    ]
    assert len(calls) > 5
    assert [place for place, told in calls if "env" not in told] == []


def test_folders_are_made_for_one_user():
    makers = {
        named(file)
        for file in FILES
        for node in nodes(file)
        if is_method_call(node) and node.func.attr in {"mkdir", "makedirs"}
    }
    assert makers <= {"app/security/private_files.py", "app/operations/processes/servers.py"}


def is_method_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


def test_every_write_on_behalf_of_somebody_asks_a_policy():
    services = [function for file in SERVICES for function in functions(file)]
    writes = {function.name for function in services if {"WriteSession", "Viewer"} <= types_taken(function)}
    assert writes - askers(services) == set()


def test_no_rule_makes_an_alias_whenever_it_is_asked():
    rules = [(named(file), rule) for file in (ROOT / "app/policies").rglob("*.py") for rule in functions(file)]
    assert len(rules) > 100
    assert [f"{place}: {rule.name}" for place, rule in rules if "aliased" in names_called(rule)] == []


def types_taken(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {ast.unparse(argument.annotation) for argument in function.args.args if argument.annotation}


def names_called(function: ast.AST) -> set[str]:
    called = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return {function.id for function in called if isinstance(function, ast.Name)}


def askers(services: list[ast.FunctionDef | ast.AsyncFunctionDef]) -> set[str]:
    """The services that ask, themselves or through another."""
    called = [(service.name, names_called(service)) for service in services]
    asking: set[str] = set()
    while more := {name for name, names in called if names & (ASKING | asking)} - asking:
        asking |= more
    return asking


def test_every_table_says_who_may_see_it():
    assert {mapper.class_ for mapper in Base.registry.mappers} == set(_visibility)


def test_no_column_states_its_length_itself():
    """The number is a constant that its check, its description and its refusal share."""
    literal = {
        f"{named(file)}:{node.lineno}"
        for file in FILES
        if named(file).startswith("app/models/")
        for node in nodes(file)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "String"
        and any(isinstance(argument, ast.Constant) for argument in node.args)
    }
    assert literal == set()


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
                    table = table_of(get_named_type(answer.fields["nodes"].type))
                    found.append((f"{shown.name}.{field.name}", table, [], extension.declared.order))
    return found


def written(expression: ColumnElement) -> str:
    """A column by its name, an expression as it is written."""
    return expression.name if isinstance(expression, Column) else str(expression)


def fixed(relationship: InstrumentedAttribute) -> list[str]:
    """The columns whose value a relation gives."""
    return [each.left.name for each in conditions(relationship) if each.operator is operator.eq]


def table_of(shown: GraphQLNamedType) -> type[Base]:
    return shown.extensions["strawberry-definition"].origin.__shows__


@pytest.mark.parametrize(("field", "table", "parents", "orders"), pages(), ids=lambda value: str(value)[:60])
def test_every_list_has_its_index(field, table, parents, orders):
    of_table = table.__table__.indexes
    indexes = [[column.name for column in index.columns] for index in of_table] + [["id"]]
    indexes += [[written(each) for each in index.expressions] for index in of_table]
    for order in orders:
        # A parent's page by another column than the id sorts that parent's rows: they are few.
        sorted_by = written(getattr(table, order.column).property.columns[0])
        key = [*parents, "id"] if order.column == "id" or parents else [sorted_by, "id"]
        assert any(index[: len(key)] == key for index in indexes), f"{field} by {order.name} needs an index on {key}"


def test_no_dependency_brings_a_package_named_like_a_layer():
    providers = importlib.metadata.packages_distributions()
    for layer in LAYERS:
        assert providers.get(layer, ["fieldgraph"]) == ["fieldgraph"]


def test_no_name_is_a_bin():
    for file in FILES:
        assert not {"utils", "helpers", "manager", "misc", "common"} & set(file.relative_to(ROOT).with_suffix("").parts)


def is_nullable(node: ast.AST) -> bool:
    """Whether this reads a number of a viewer's that is null for strangers, or without a session or a key."""
    if not isinstance(node, ast.Attribute) or node.attr not in {"user_id", "session_id", "key_id"}:
        return False
    return ast.unparse(node.value).rpartition(".")[2] == "viewer"


def test_no_policy_reads_who_may_be_nobody():
    """`names_viewer` compares columns, `is_viewer` ids, `viewer.is_signed_in` tells strangers: none takes a null."""
    reads = [
        f"{named(file)}:{node.lineno}"
        for file in sorted((ROOT / "app/policies").rglob("*.py"))
        if named(file) != "app/policies/__init__.py"
        for node in nodes(file)
        if is_nullable(node)
    ]
    assert reads == []


def test_nobody_compares_who_may_be_nobody():
    """`column == viewer.user_id` is `column IS NULL` for strangers, and `!=` is `IS NOT NULL`."""
    compared = [
        f"{named(file)}:{node.lineno}"
        for file in FILES
        for node in nodes(file)
        if isinstance(node, ast.Compare)
        and any(is_nullable(side) and side.attr == "user_id" for side in (node.left, *node.comparators))
        and not isinstance(node.ops[0], ast.Is | ast.IsNot)
        and named(file) != "app/policies/__init__.py"
    ]
    assert compared == []


def truth_tested(tree: ast.AST) -> list[ast.expr]:
    """All expressions whose truth is asked."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        match node:
            case ast.BoolOp(values=values):
                found += values
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) | ast.Assert(test=test):
                found.append(test)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                found.append(operand)
            case ast.comprehension(ifs=ifs):
                found += ifs
            case ast.match_case(guard=ast.expr() as guard):
                found.append(guard)
            case ast.Call(func=ast.Name(id="bool" | "any" | "all"), args=args):
                found += args
    return found


def is_id(node: ast.AST) -> bool:
    """Whether this names an id: `viewer.user_id`, `row.id`, `team_id`."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name == "id" or name.endswith("_id")


def test_no_policy_asks_an_id_for_its_truth():
    """An id may be 0, null, or an expression of SQL: say which with `is_signed_in`, `is None` or a comparison."""
    tested = [
        f"{named(file)}:{node.lineno}"
        for folder in ("app/policies", "resolvers")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for node in truth_tested(parsed(file))
        if is_id(node)
    ]
    assert tested == []


@pytest.mark.parametrize(
    "rule",
    [
        "true() if viewer.user_id else false()",
        "viewer.user_id or 0",
        "not row.user_id",
        "bool(viewer.session_id)",
        "[1 for _ in x if team_id]",
        "viewer.is_staff and viewer.user_id",
    ],
)
def test_a_truth_test_of_an_id_is_noticed(rule):
    assert any(is_id(node) for node in truth_tested(ast.parse(rule)))


SIGNS = {"Seal", "TimedSeal", "URLSafeSerializer", "URLSafeTimedSerializer", "sign", "derived"}
SIGNERS = {
    "app/security/signing.py": "what all others sign with",
    "app/services/links.py": "links; each asks again whether its holder's right still stands",
    "app/services/accounts/email/tokens.py": "links of mails about accounts, bound to the account's security stamp",
    "app/services/accounts/sign_in/osm.py": "what comes back from OpenStreetMap",
    "app/services/accounts/sign_in/rate_limits.py": "devices on which somebody signed in",
    "app/services/system/files/uploads.py": "the name of an upload, taken from its sender alone, who is signed in then",
    "app/gateways/storage.py": "an object store's own addresses",
}
PRESIGN = {
    "app/web/routes/files/stored_files.py": "once a link was asked about",
    "app/services/system/files/uploads.py": "to send a file to, which its sender alone can take into use, signed in",
}


def test_a_new_kind_of_link_cannot_forget_to_ask():
    """Links are signed in one module, which asks when they are used; whatever else signs is here with its reason."""
    calls = {named(file): called(parsed(file)) for file in FILES}
    assert {name for name, names in calls.items() if names & SIGNS} - set(SIGNERS) == set()
    presigned = {name for name, names in calls.items() if any(each.startswith("presigned_") for each in names)}
    assert presigned == set(PRESIGN)


def called(tree: ast.AST) -> set[str]:
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {each.id if isinstance(each, ast.Name) else getattr(each, "attr", "") for each in functions}
