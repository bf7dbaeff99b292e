"""The shared tools, each by itself: types over tables, fields, pages, ids, single values, secrets."""

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf, nan
from time import sleep
from types import SimpleNamespace

import pytest
import strawberry
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from strawberry import auto
from strawberry.schema.config import StrawberryConfig

from app import checks, errors, pagination
from app.errors import BadRequest, Invalid, NotFound
from app.models.accounts import Session, User
from app.models.mapping.datasets import Dataset
from app.models.mapping.trainings import Model, Training
from app.pagination import AgeOrder, Order, Page, PageArgs
from app.policies import Viewer
from app.security import credentials
from app.settings import settings
from resolvers import ids
from schema import schema
from schema.fields import mutation
from schema.problems import HANDLERS, Conflict, InvalidInput
from schema.row import Row, shows
from schema.scalars import SCALARS

TYPES = schema._schema.type_map
examples.register_profile("unhurried", deadline=None, derandomize=True)
examples.load_profile("unhurried")


# Types over tables


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("Dataset.id", "ID!"),
        ("Dataset.name", "String!"),
        ("Dataset.sourceImagery", "String"),
        ("Dataset.status", "DatasetStatus!"),
        ("Label.geom", "GeoJSONGeometry!"),
        ("Label.osmId", "BigInt"),
        ("Label.tags", "JSON"),
        ("Prediction.config", "JSON!"),
        ("Training.centroid", "GeoJSONPoint"),
        ("Training.taskId", "String"),
        ("User.dateJoined", "DateTime!"),
    ],
)
def test_a_column_or_property_is_shown_with_its_own_type(field, kind):
    name, _, member = field.partition(".")
    assert str(TYPES[name].fields[member].type) == kind


def test_a_column_is_described_where_it_is_declared():
    assert TYPES["Dataset"].fields["name"].description == Dataset.name.property.doc
    assert TYPES["Training"].fields["taskId"].description == Training.task_id.__doc__


def test_what_is_not_named_stays_hidden():
    assert not {"userId", "passwordHash"} & set(TYPES["User"].fields) | {"jobId"} & set(TYPES["Training"].fields)


def test_a_name_that_the_table_does_not_have_is_refused_at_once():
    with pytest.raises(TypeError, match="Dataset has no 'nmae' to show"):
        type("Dataset", (Row,), {"__annotations__": {"nmae": auto}}, of=Dataset)


def test_a_relation_is_no_column():
    with pytest.raises(TypeError, match=r"Dataset\.user is a relation"):
        type("Dataset", (Row,), {"__annotations__": {"user": auto}}, of=Dataset)


def test_a_type_has_its_tables_name():
    with pytest.raises(AssertionError):
        type("Collection", (Row,), {"__annotations__": {}}, of=Dataset)


# Fields


@dataclass(frozen=True)
class Renamed:
    """A thing."""

    name: str


@shows(Renamed)
class Thing:
    name: str


async def rename_thing(name: str, times: int = 1) -> Renamed:
    """Renames a thing.

    name: Its new name.
    times: How often.
    """
    if name == "":
        raise Invalid("name", "Give it a name.")
    if name == "taken":
        raise errors.Conflict("It is taken.")
    if name == "late":
        raise errors.Unavailable("Not now.")
    if name == "bug":
        raise RuntimeError("a bug")
    return Renamed(name * times)


async def forget_things() -> bool:
    """Forgets them all."""
    return True


@strawberry.type
class Query:
    thing: str = "a thing"


@strawberry.type
class Mutation:
    rename_thing: Thing | InvalidInput | Conflict = mutation(rename_thing)
    forget_things: bool = mutation(forget_things)


SMALL = strawberry.Schema(Query, Mutation, exception_handlers=HANDLERS, config=StrawberryConfig(scalar_map=SCALARS))


async def carry_out(resolve, *_: object) -> object:
    return await resolve()


STAND_IN = SimpleNamespace(
    viewer=Viewer(),
    load=SimpleNamespace(read=None),
    acting=lambda _scope: nullcontext(),
    changing=lambda _field: SimpleNamespace(carry_out=carry_out),
)


async def renamed(name: str, times: str = "") -> tuple[object, list[type]]:
    answer = "... on Thing { name } ... on InvalidInput { code field message } ... on Conflict { code message }"
    mutation = f'mutation {{ renameThing(input: {{name: "{name}" {times}}}) {{ {answer} }} }}'
    result = await SMALL.execute(mutation, context_value=STAND_IN)
    return (result.data or {}).get("renameThing"), [type(error.original_error) for error in result.errors or []]


def test_a_mutation_takes_one_input_and_names_its_result():
    core = SMALL._schema
    field = core.mutation_type.fields["renameThing"]
    assert [str(argument.type) for argument in field.args.values()] == ["RenameThingInput!"]
    assert field.type.of_type.name == "RenameThingResult"
    assert [found.name for found in field.type.of_type.types] == ["Thing", "InvalidInput", "Conflict"]
    assert field.description == "Renames a thing.\n\nAPI keys need the scope `WRITE`."
    described = {name: each.description for name, each in core.type_map["RenameThingInput"].fields.items()}
    assert described == {"name": "Its new name.", "times": "How often."}
    assert core.mutation_type.fields["forgetThings"].args == {}
    assert str(core.mutation_type.fields["forgetThings"].type) == "Boolean!"


async def test_a_problem_that_is_announced_is_data_and_any_other_an_error():
    assert await renamed("box", "times: 2") == ({"name": "boxbox"}, [])
    assert await renamed("") == ({"code": "INVALID_INPUT", "field": "name", "message": "Give it a name."}, [])
    assert await renamed("taken") == ({"code": "CONFLICT", "message": "It is taken."}, [])
    assert await renamed("late") == (None, [errors.Unavailable])
    assert await renamed("bug") == (None, [RuntimeError])


# Pages


class MixedOrder(Order):
    """By one column of each kind."""

    NEWEST = ("id", True)
    NAME = ("name", False)
    LAST_MODIFIED = ("last_modified", True)


@given(st.integers(1, 2**63 - 1), st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "S"]), min_size=1))
def test_a_cursor_names_its_row(id, name):
    row = Dataset(id=id, name=name, last_modified=datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC))
    for order in MixedOrder:
        value = None if order.column == "id" else getattr(row, order.column)
        assert pagination.place(pagination.cursors(order)(row.id, order.value_of(row)), Dataset, order) == (id, value)


@given(st.text())
def test_any_other_text_is_refused_as_a_cursor(text):
    with pytest.raises(BadRequest):
        pagination.place(text, Dataset, AgeOrder.NEWEST)


@pytest.mark.parametrize("first", [-1, settings.page_size_max + 1])
def test_a_page_is_bounded(first):
    with pytest.raises(BadRequest, match=f"^`first` must be from 0 to {settings.page_size_max}; this is {first}"):
        PageArgs(first)
    assert PageArgs(0).first == 0


def test_one_row_more_says_that_there_are_more():
    args = PageArgs(2)
    assert Page.cut([1, 2, 3], args) == Page([1, 2], has_next=True)
    assert Page.cut([1, 2], args) == Page([1, 2], has_next=False)
    assert Page.cut([3, 2, 1], PageArgs(last=2)) == Page([2, 3], has_next=False, has_previous=True)
    assert Page.cut([3, 2], PageArgs(last=2)) == Page([2, 3], has_next=False)


# Ids


@given(st.integers(1, 2**63 - 1), st.sampled_from([User, Dataset, Model]))
def test_an_id_names_its_row(id, table):
    assert ids.key(ids.encode(table(id=id)), table) == id
    with pytest.raises(NotFound):
        ids.key(ids.encode(table(id=id)), Session)


@given(st.text())
def test_any_other_text_names_nothing(text):
    with pytest.raises(NotFound):
        ids.key(text, Dataset)


# Single values


def test_texts_are_trimmed_and_bounded():
    assert checks.text("name", "  Dorf ✿ ", length_max=6) == "Dorf ✿"
    assert checks.optional_text("note", " \n ", length_max=5) is None
    assert checks.optional_text("note", "a\n\tb", length_max=5) == "a\n\tb"
    for wrong in ("", "   ", "x" * 7, "a\nb", "a\0b", "a\u0085b", "a\u2028b"):
        with pytest.raises(Invalid) as refused:
            checks.text("name", wrong, length_max=6)
        assert refused.value.field == "name"
    with pytest.raises(Invalid):
        checks.optional_text("note", "a\nb", length_max=5, is_one_line=True)


def test_numbers_are_within_their_bounds():
    assert checks.within("epochs", 1, 1, 40) == 1
    assert checks.within("epochs", 40, 1, 40) == 40
    for wrong in (0, 40.01, nan, inf, -inf):
        with pytest.raises(Invalid, match="1 to 40"):
            checks.within("epochs", wrong, 1, 40)


def test_addresses_get_their_normal_form():
    assert checks.email("email", " Ann@EXAMPLE.org ") == "Ann@example.org"
    assert checks.email("email", "ann@ＥＸＡＭＰＬＥ.org") == "ann@example.org"
    assert checks.email("email", "ann@xn--bcher-kva.example") == "ann@bücher.example"


@pytest.mark.parametrize("value", [{}, {"a": [1, 2.5, None, True, {"b": "ü"}]}, {"\\u0000": "\\u0000"}], ids=str)
def test_a_json_object_is_kept_as_it_is(value):
    assert checks.json_object("tags", value) == value


@pytest.mark.parametrize(
    "value", [None, [], "a", {"a": nan}, {"a": inf}, {"a": "\0"}, {"\0": 1}, {"a": "\\\0"}, {"a": "\ud800"}], ids=ascii
)
def test_what_could_not_be_kept_or_read_is_refused_as_json(value):
    with pytest.raises(Invalid):
        checks.json_object("tags", value)


# Secrets


def test_tokens_are_random_and_their_hashes_alike():
    tokens = {credentials.new_token() for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert all(credentials.token_hash(token) == credentials.token_hash(token) for token in tokens)
    assert len({credentials.token_hash(token) for token in tokens}) == 1_000


async def test_few_passwords_are_hashed_at_once(monkeypatch):
    now, most = 0, 0

    def slowly(password: str) -> str:
        nonlocal now, most
        now += 1
        most = max(most, now)
        sleep(0.01)
        now -= 1
        return password

    monkeypatch.setattr(credentials._hashes, "hash", slowly)
    await asyncio.gather(*(credentials.hash_password(str(number)) for number in range(10)))
    assert most <= settings.password_hashes_at_once
