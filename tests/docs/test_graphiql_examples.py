"""What GraphiQL offers beside its editor: every example is valid, fills its own variables, and runs."""

from itertools import product
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    parse,
    print_ast,
    validate,
    visit,
)

from schema import schema
from tests import factories
from tests.docs import world
from tests.docs.examples import ROOT
from tests.fixtures import Person

FOLDER = ROOT / "app/web/graphiql/src/examples"
DOMAINS = {"accounts", "mapping", "wildlife", "automl", "social", "billing"}
FILES = {file.relative_to(FOLDER).as_posix().removesuffix(".graphql"): file.read_text() for file in FOLDER.rglob("*.*")}
FILLERS = {name: text for name, text in FILES.items() if name.endswith(".variables")}
EXAMPLES = {name: text for name, text in FILES.items() if name not in FILLERS}
ACCOUNT = "# Needs an account."


def operation_of(text: str) -> Any:
    [operation] = parse(text).definitions
    return operation


QUERIES = [name for name, text in EXAMPLES.items() if operation_of(text).operation is OperationType.QUERY]


def filler(name: str) -> str:
    """The query for an example's variables; empty if it has none."""
    return FILLERS.get(f"{name}.variables", "")


def declared(text: str) -> dict[str, str]:
    """The variables of a document with their types."""
    return {each.variable.name.value: print_ast(each.type) for each in operation_of(text).variable_definitions or ()}


class Answered(Visitor):
    """The types of what a document asks for, by the names in its answer."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info = info
        self.types: dict[str, str] = {}

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.types[(node.alias or node.name).value] = str(self.info.get_type())


def answered(document: DocumentNode) -> dict[str, str]:
    info = TypeInfo(schema._schema)
    visitor = Answered(info)
    visit(document, TypeInfoVisitor(info, visitor))
    return visitor.types


def collect(part: Any, names: set[str], values: dict[str, Any]) -> dict[str, Any]:
    """The first value of each name in an answer, as the page looks for it."""
    pairs = part.items() if isinstance(part, dict) else enumerate(part or ())
    for name, value in pairs:
        if isinstance(value, dict | list):
            collect(value, names, values)
        elif name in names:
            values.setdefault(name, value)
    return values


def shown(part: Any) -> bool:
    """Whether an answer holds anything: a value other than null, or an entry of a list."""
    if isinstance(part, dict):
        return any(shown(value) for value in part.values())
    return bool(part)


@pytest.mark.parametrize("name", FILES)
def test_every_example_is_valid(name):
    assert validate(schema._schema, parse(FILES[name])) == []
    assert FILES[name].startswith("# ")


def test_examples_are_of_every_domain_and_told_apart():
    assert {name.partition("/")[0] for name in EXAMPLES} == DOMAINS
    titles = [text.partition("\n")[0] for text in EXAMPLES.values()]
    assert len(set(titles)) == len(titles)
    operations = [operation_of(text).name.value for text in EXAMPLES.values()]
    assert len(set(operations)) == len(operations)
    assert {name.removesuffix(".variables") for name in FILLERS} <= set(EXAMPLES)
    comments = {line for text in EXAMPLES.values() for line in text.splitlines()[1:] if line.startswith("#")}
    assert comments == {ACCOUNT}


@pytest.mark.parametrize("name", [name for name, text in EXAMPLES.items() if declared(text)])
def test_an_examples_query_for_its_variables_answers_each_of_them(name):
    types = answered(parse(filler(name)))
    assert {each: types.get(each) for each in declared(EXAMPLES[name])} == declared(EXAMPLES[name])


def test_no_subscription_needs_a_pasted_id():
    assert [name for name, text in EXAMPLES.items() if '_id"' in text.lower() or "'s id" in text] == []


@pytest.fixture
async def people(database, owner):
    """Nobody, and people who see much of the guide's world, to which a prediction is added."""
    values = await world.make(database)
    model = await factories.model(database, await factories.dataset(database, owner.id))
    await factories.prediction(database, await factories.training(database, model), published=True)
    return {"nobody": None} | {
        name: Person(owner.user, values[f"{name.upper()}_TOKEN"]) for name in ("mapper", "ecologist")
    }


async def test_every_query_runs_for_whom_it_is_meant(ask, people):
    faults, ran = [], set()
    for (name, text), (who, person) in product(EXAMPLES.items(), people.items()):
        if who == "nobody" and ACCOUNT in text:
            continue
        looked_up = await ask(filler(name) or "{ __typename }", viewer=person)
        variables = collect(dict(looked_up), set(declared(text)), {})
        asked = looked_up
        if name in QUERIES and variables.keys() == declared(text).keys():
            asked = await ask(text, viewer=person, **variables)
            ran.add(name)
        faults += [f"{name} by {who}: {error['message']}" for error in [*looked_up.errors, *asked.errors]]
    assert faults == []
    assert set(QUERIES) - ran == set()


@pytest.mark.parametrize("name", [name for name in QUERIES if ACCOUNT in EXAMPLES[name] and not filler(name)])
async def test_what_needs_an_account_shows_nothing_to_strangers(name, ask, people):
    answer = await ask(EXAMPLES[name])
    assert answer.codes or not any(shown(part) for part in answer.values()), answer
