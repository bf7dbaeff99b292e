"""What a statement holds for: which viewers, which arguments, and which queries cannot be kept at all."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from graphql import get_operation_ast, parse
from sqlalchemy import Select, select

from app.errors import Unplanned
from app.models.mapping.datasets import Dataset
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import Training
from app.models.system import Job, UserNotification
from app.policies import Viewer, visible
from app.postgres.prepared import compiled
from resolvers.plan import Plans, leaves, statements
from resolvers.plan.declared import Many
from resolvers.plan.leaves import Format, leaf
from resolvers.plan.levels import KEY_ITEMS_MAX, _key
from resolvers.viewer_kinds import kind_of
from schema import schema

OWNED = [Job, Prediction, UserNotification]


def seen_by(model, viewer):
    kind, _ = kind_of(viewer)
    return compiled(visible(model, kind.viewer))


def numbers_of(viewer):
    return kind_of(viewer)[1]


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)
def test_viewers_alike_share_a_statement_and_bind_their_own_numbers(model):
    one, other = Viewer(user_id=4, session_id=1), Viewer(user_id=5, session_id=2)
    statement = seen_by(model, one)
    assert statement == seen_by(model, other)
    assert b"4" in statement.bind(numbers_of(one))
    assert b"5" in statement.bind(numbers_of(other))


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)
def test_viewers_with_other_rights_do_not(model):
    texts = {seen_by(model, viewer).sql for viewer in (Viewer(), Viewer(user_id=4), Viewer(user_id=4, is_staff=True))}
    assert len(texts) > 1


def test_a_statement_whose_numbers_are_not_given_does_not_run():
    with pytest.raises(KeyError):
        seen_by(Prediction, Viewer(user_id=4)).bind({})


def test_a_query_with_the_clock_in_it_is_not_kept():
    def finished() -> Select[Training]:
        return select(Training).where(Training.finished_at < datetime.now(UTC))

    with pytest.raises(Unplanned):
        statements.compiled_alike(finished)


def test_filters_that_say_the_same_are_one_key_and_long_ones_none():
    @dataclass
    class Filter:
        names: list[str]
        below: "Filter | None" = None

    shapes = [(("filter", Filter(list(names), Filter([]))),) for names in ("ab", "ab", "ba", "abc")]
    keys = [hash(_key(shape)) for shape in shapes]
    assert [keys[0] == key for key in keys] == [True, True, False, False]
    assert isinstance(_key(["x"] * (KEY_ITEMS_MAX + 1)), list)


@pytest.mark.parametrize("text", ['["1"]', "[true]", "[null]", "[1e999]", "[[1]]"])
def test_numbers_kept_as_json_are_numbers(text):
    assert leaves.numbers("[1, 0.25]") == [1.0, 0.25]
    assert leaves.numbers(None) is None
    with pytest.raises(ValueError, match="number"):
        leaves.numbers(text)


def test_a_lists_resolver_may_read_only_who_asks():
    def datasets(info, name):
        return visible(Dataset, info.context.viewer).where(Dataset.name == name)

    def curious(info):
        return info.context.database

    found = compiled(statements.asked(datasets, Viewer(), {"name": "x"}))
    assert found.parameters == (b"x",)
    with pytest.raises(Unplanned):
        statements.asked(curious, Viewer(), {})


def test_a_column_is_selected_as_it_is_shown_or_left_to_its_scalar():
    fields = schema._schema.type_map["Dataset"].fields
    assert leaf("name", Dataset.name.expression, fields["name"].type).format is Format.PLAIN
    assert leaf("name", Dataset.name.expression, fields["createdAt"].type) is None
    assert leaf("offset", Dataset.offset.expression, fields["name"].type) is None
    assert leaf("status", Dataset.status.expression, schema._schema.type_map["ModelStatus"]) is None


def test_a_document_laid_out_otherwise_has_the_same_plan():
    plans = Plans(schema)

    def plan(text, name=None):
        document = parse(text)
        return plans.of(document, get_operation_ast(document, name))

    once = plan("query A($id: ID!) { dataset(id: $id) { name } }")
    assert plan("# the name\nquery A($id: ID!) {\n  dataset(id: $id) { name, }\n}") is once
    assert plan("query A($id: ID!) { dataset(id: $id) { id } }") is not once
    both = "query A { me { id } } query B { me { id } }"
    assert plan(both, "A") is not plan(both, "B")


def test_what_a_field_declares_is_found_beside_it():
    aois = schema._schema.type_map["Dataset"].fields["aois"].extensions["strawberry-definition"]
    declared = aois.metadata["declared"]
    assert isinstance(declared, Many)
    assert (declared.name, declared.foreign_key.name, declared.size_max) == ("aois", "dataset_id", 100)
