"""A rule that would take a viewer's id for a number is never planned wrongly: it is left to graphql-core."""

import math
from itertools import count

import pytest
from sqlalchemy import literal, true

from app import policies
from app.errors import Unplanned
from app.models.accounts import User
from app.models.mapping.datasets import AOI, Dataset
from app.policies import SQLId, SQLViewer, Viewer, account_of, is_viewer, names_viewer
from resolvers import ids
from resolvers.loaders import Reference
from resolvers.viewer_kinds import kind_of
from tests import factories
from tests.plan.search import tried

numbers = count()


def owned(viewer):
    return Dataset.user_id == viewer.user_id


def unless(condition, viewer):
    """All rows if a condition holds, else the viewer's own: another answer for each way of being wrong."""
    return true() if condition else owned(viewer)


RULES = {
    "truth": lambda viewer: unless(not viewer.user_id, viewer),
    "or": lambda viewer: Dataset.user_id == (viewer.user_id or 1),
    "bool": lambda viewer: unless(bool(viewer.user_id) is False, viewer),
    "equal": lambda viewer: unless(viewer.user_id == 0, viewer),
    "not equal": lambda viewer: unless(viewer.user_id != 0, viewer),
    "equal, the other way": lambda viewer: unless(viewer.user_id == viewer.user_id + 0, viewer),
    "less": lambda viewer: unless(viewer.user_id < 1, viewer),
    "greater": lambda viewer: unless(viewer.user_id >= 1, viewer),
    "in a list": lambda viewer: unless(viewer.user_id in [0, -1], viewer),
    "in a set": lambda viewer: unless(viewer.user_id in {0, -1}, viewer),
    "in a dict": lambda viewer: unless({0: True}.get(viewer.user_id), viewer),
    "hash": lambda viewer: unless(hash(viewer.user_id) == 0, viewer),
    "plus": lambda viewer: Dataset.user_id == viewer.user_id + 1,
    "minus": lambda viewer: Dataset.user_id == 1 - viewer.user_id,
    "modulo": lambda viewer: unless(viewer.user_id % 2 == 0, viewer),
    "negative": lambda viewer: Dataset.user_id == -viewer.user_id,
    "absolute": lambda viewer: Dataset.user_id == abs(viewer.user_id),
    "bits": lambda viewer: unless(not viewer.user_id & 0xFFFF, viewer),
    "int": lambda viewer: Dataset.user_id == int(viewer.user_id),
    "float": lambda viewer: Dataset.user_id == float(viewer.user_id),
    "floor": lambda viewer: Dataset.user_id == math.floor(viewer.user_id),
    "range": lambda viewer: unless(not range(viewer.user_id), viewer),
    "as an index": lambda viewer: unless("_x"[: viewer.user_id] == "", viewer),
    "sum": lambda viewer: Dataset.user_id == sum([viewer.user_id]),
    "max": lambda viewer: Dataset.user_id == max(viewer.user_id, 0),
    "text": lambda viewer: unless(str(viewer.user_id) == "0", viewer),
    "format": lambda viewer: unless(f"{viewer.user_id}" == "0", viewer),
    "repr": lambda viewer: unless(f"{viewer.user_id!r}" == "0", viewer),
    "percent": lambda viewer: unless("%d" % viewer.user_id == "0", viewer),  # noqa: UP031
    "the viewer's text": lambda viewer: unless("user_id=0" in str(viewer), viewer),
    "the viewer's truth": lambda viewer: unless(not viewer, viewer),
    "the viewer as a key": lambda viewer: unless({viewer: True}.get(viewer), viewer),
    "another viewer": lambda viewer: unless(viewer == Viewer(0), viewer),
    "is_viewer": lambda viewer: unless(is_viewer(viewer, 0), viewer),
    "session": lambda viewer: unless(viewer.session_id == 0, viewer),
    "match": lambda viewer: matched(viewer),  # noqa: PLW0108 - it is defined below
    "a literal": lambda viewer: Dataset.user_id == literal(viewer.user_id, Dataset.user_id.type),
}


def matched(viewer):
    match viewer.user_id:
        case 0:
            return true()
        case _:
            return owned(viewer)


PLANNED = {
    "a column": owned,
    "account_of": lambda viewer: Dataset.user_id == account_of(viewer),
    "names_viewer": lambda viewer: names_viewer(viewer, Dataset.user_id),
    "whether there is one": lambda viewer: unless(viewer.user_id is None, viewer),
    "rights": lambda viewer: unless(viewer.is_super_admin, viewer),
    "scopes": lambda viewer: unless(not viewer.scopes, viewer),
}


@pytest.fixture
async def seen(ask, database, owner, other, monkeypatch):
    """Sets the read rule of datasets, and tells whose datasets somebody is shown, and whether a plan said so."""
    for each in (owner, other):
        await factories.dataset(database, each.id)

    async def seen(rule, viewer):
        monkeypatch.setitem(policies._visibility, Dataset, rule)
        before = tried["by a plan"]
        # Under a name of its own, since the statements of a document are kept.
        document = f"{{ datasets: datasets {{ nodes {{ user {{ rule{next(numbers)}: __typename id }} }} }} }}"
        answer = await ask(document, viewer=viewer)
        return [node["user"]["id"] for node in answer["datasets"]["nodes"]], tried["by a plan"] > before

    return seen


def plainly(rule, viewer, people):
    """Whose datasets the rule shows a viewer, the newest first, by PostgreSQL alone."""
    shown = rule(Viewer(viewer.id, session_id=1))
    if shown is not None and str(shown) == "true":
        return [ids.encode_key(User, each.id) for each in reversed(people)]
    [bound] = shown.compile().params.values()
    return [ids.encode_key(User, each.id) for each in reversed(people) if each.id == bound]


@pytest.mark.parametrize("name", RULES)
async def test_what_takes_an_id_for_a_number_is_left_to_graphql_core(seen, owner, other, name):
    for viewer in (owner, other):
        expected = plainly(RULES[name], viewer, [owner, other])
        assert await seen(RULES[name], viewer) == (expected, False)


@pytest.mark.parametrize("name", PLANNED)
async def test_what_sql_compares_is_planned(seen, owner, other, name):
    for viewer in (owner, other):
        expected = plainly(PLANNED[name], viewer, [owner, other])
        assert await seen(PLANNED[name], viewer) == (expected, True)


def test_viewers_with_other_scopes_or_who_are_super_admins_have_other_statements():
    kinds = [
        kind_of(each)[0]
        for each in (
            Viewer(1, is_staff=True),
            Viewer(1, is_staff=True, is_super_admin=True),
            Viewer(1, is_staff=True, scopes=frozenset()),
        )
    ]
    assert len(set(map(id, kinds))) == len(kinds)
    assert [kind.viewer.is_super_admin for kind in kinds] == [False, True, False]
    assert kind_of(Viewer(2, is_staff=True))[0] is kinds[0]


@pytest.mark.parametrize(
    "opaque", [SQLId(AOI.id), SQLViewer(), Reference(AOI, 1)], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize(
    "look",
    [bool, len, iter, list, str, repr, hash, int, "{}".format, lambda value: value == 1, lambda value: value.name_is],
)
def test_nothing_that_stands_for_another_value_can_be_looked_into(opaque, look):
    with pytest.raises(Unplanned):
        look(opaque)
