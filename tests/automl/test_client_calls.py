"""The two calls of the former platform's client, with its shapes and its status codes."""

import pytest
from sqlalchemy import func, select

from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.works import Work
from app.models.system import JobState
from app.settings import settings
from app.tabular.choices import WorkKind, WorkStatus
from jobs import automl  # noqa: F401 -- registers its jobs
from tests.automl import learned
from tests.automl.learned import COLOUR, SIZE

ROWS = [{SIZE: -2.5, COLOUR: "2"}, {SIZE: 2.5, COLOUR: "Red"}]


@pytest.fixture
async def key(change, owner):
    """A key as the client has it."""
    made = await change("createApiKey", "token", viewer=owner, name="client", scopes=["READ", "WRITE"])
    return made["token"]


@pytest.fixture
def call(api, key):
    async def call(path, body, key=key):
        headers = {} if key is None else {"Authorization": key}
        content = body if isinstance(body, bytes) else None
        return await api.post(f"/api/{path}", headers=headers, json=None if content else body, content=content)

    return call


@pytest.fixture
def counted(database):
    async def counted(table=MachineLine):
        async with database.reading() as session:
            return await session.scalar(select(func.count()).select_from(table))

    return counted


async def test_rows_are_predicted_in_their_order(call, database, owner):
    await learned.machine(database, owner.id, machine_name="Sizes")
    answer = await call("do-predict", {"machine_name": "Sizes", "data": ROWS})
    assert answer.status_code == 200
    assert [each["kind"] for each in answer.json()["prediction"]] == ["Nein", "Ja"]
    assert set(answer.json()["prediction"][0]) == {"kind", "price"}
    # The word that others put before a token is no matter.
    assert (await call("do-predict", {"machine_name": "Sizes", "data": ROWS}, "Bearer x")).status_code == 560


async def test_no_prediction_is_null_and_no_error(call, database, owner, other):
    await learned.machine(database, other.id, machine_name="Theirs")
    bare = Machine(machine_owner_user_id=owner.id, machine_name="Bare")
    async with database.writing() as session:
        session.add(bare)
    for name in ("Nothing", "Theirs", "Bare"):
        answer = await call("do-predict", {"machine_name": name, "data": ROWS})
        assert (answer.status_code, answer.json()) == (200, {"prediction": None})


async def test_a_public_machine_is_found_behind_ones_own(call, database, owner, other):
    await learned.machine(database, other.id, learned.other(), machine_name="Both", machine_api_solving_is_public=True)
    answer = await call("do-predict", {"machine_name": "Both", "data": ROWS})
    assert [each["price"] for each in answer.json()["prediction"]] == [7.0, 7.0]
    await learned.machine(database, owner.id, machine_name="Both")
    answer = await call("do-predict", {"machine_name": "Both", "data": ROWS})
    assert answer.json()["prediction"][0]["price"] != 7.0


@pytest.mark.parametrize("path", ["do-predict", "save-lines"])
@pytest.mark.parametrize("key", [None, "", "nonsense"])
async def test_a_bad_key_is_560(call, path, key):
    answer = await call(path, {"machine_name": "Sizes", "data": ROWS}, key)
    assert (answer.status_code, list(answer.json())) == (560, ["error"])


async def test_a_key_that_may_only_read_is_560(call, change, owner):
    made = await change("createApiKey", "token", viewer=owner, name="reader", scopes=["READ"])
    answer = await call("do-predict", {"machine_name": "Sizes", "data": ROWS}, made["token"])
    assert answer.status_code == 560


@pytest.mark.parametrize(
    "name", ["", "a__b", "a/b", "a\\b", 'a"b', "a'b", "$", "*", "50%", "a&b", "#", "<b>", "a--b", 7, None]
)
async def test_a_name_that_no_machine_has_is_562(call, counted, name):
    columns = {"x": {"0": 1}, "y": {"0": 2}}
    for path, body in (("do-predict", {"data": ROWS}), ("save-lines", {"user_experiences": columns})):
        answer = await call(path, {"machine_name": name, **body})
        assert (answer.status_code, list(answer.json())) == (562, ["error"])
    assert await counted(Machine) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ([1], 400),
        ({"machine_name": "Sizes"}, 400),
        ({"machine_name": "Sizes", "data": []}, 400),
        ({"machine_name": "Sizes", "data": [{"nothing": 1}]}, 400),
        ({"machine_name": "Sizes", "data": [7]}, 400),
    ],
)
async def test_what_is_no_question_is_said_in_words(call, database, owner, body, status):
    await learned.machine(database, owner.id, machine_name="Sizes")
    answer = await call("do-predict", body)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


async def test_a_request_that_is_too_large_is_refused(call, monkeypatch):
    monkeypatch.setattr(settings, "rows_request_bytes_max", 100)
    assert (await call("do-predict", {"machine_name": "x" * 200})).status_code == 413


LINES = 120
SAVED = {
    "a": {str(at): at * 7 % 31 for at in range(LINES)},
    "b": {str(at): "even" if at % 2 else "odd" for at in range(LINES)},
    "y": {str(at): "yes" if at * 7 % 31 > 15 else "no" for at in range(LINES)},
    "unused": {str(at): at for at in range(LINES)},
}


async def test_lines_make_a_machine_that_begins_to_learn_by_itself(call, work, counted, database, owner):
    body = {
        "machine_name": "New one",
        "user_experiences": SAVED,
        "is_rescaling_numeric_output": True,
        "input_columns": ["b", "a"],
        "output_columns": ["y"],
        "machine_level": 2,
    }
    answer = await call("save-lines", body)
    assert (answer.status_code, answer.json()) == (200, {"saved": LINES})
    await work()
    assert await counted() == LINES
    async with database.reading() as session:
        machine = (await session.scalars(select(Machine))).one()
        columns = (await session.scalars(select(MachineColumn).order_by(MachineColumn.position))).all()
        works = (await session.scalars(select(Work))).all()
    # All its lines are there, and its training waits for a worker.
    assert [(each.kind, each.status, each.user_id) for each in works] == [
        (WorkKind.TRAINING, WorkStatus.WAITING_FOR_SERVER, owner.id)
    ]
    assert (machine.machine_name, machine.machine_level, machine.machine_owner_user_id) == ("New one", 2, owner.id)
    assert [(each.name, each.role.value) for each in columns] == [
        ("a", "INPUT"),
        ("b", "INPUT"),
        ("y", "OUTPUT"),
        ("unused", "IGNORE"),
    ]
    more = {name: {str(LINES): 1 if name in {"a", "unused"} else "x"} for name in SAVED}
    assert (await call("save-lines", {"machine_name": "New one", "user_experiences": more})).status_code == 200
    assert (await counted(), await counted(Work)) == (LINES + 1, 1)


async def test_a_machine_of_few_lines_begins_to_learn_with_the_lines_that_were_missing(call, work, counted):
    few = {name: dict(list(values.items())[:30]) for name, values in SAVED.items()}
    body = {"machine_name": "Few", "user_experiences": few, "output_columns": ["y"]}
    assert (await call("save-lines", body)).status_code == 200
    assert (await work()).state is JobState.DONE
    assert (await counted(), await counted(Work)) == (30, 0)
    for saved, works in ((30 + LINES, 1), (30 + 2 * LINES, 1)):
        more = {"machine_name": "Few", "user_experiences": SAVED}
        assert (await call("save-lines", more)).status_code == 200
        assert (await counted(), await counted(Work)) == (saved, works)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"machine_level": 9}, 563),
        ({"machine_level": "high"}, 563),
        ({"output_columns": ["nothing"]}, 563),
        ({"output_columns": "y"}, 563),
        ({"user_experiences": {"a": {"0": 1}}}, 563),
        ({"user_experiences": {}}, 400),
        ({"user_experiences": [1]}, 400),
        ({"user_experiences": {"a": [1]}}, 400),
    ],
)
async def test_a_machine_that_cannot_be_made_is_563_and_leaves_nothing(call, counted, changes, status):
    body = {"machine_name": "New", "user_experiences": SAVED, "output_columns": ["y"]}
    answer = await call("save-lines", body | changes)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert await counted(Machine) == 0


async def test_lines_that_do_not_fit_are_refused_and_none_is_kept(call, counted, database, owner):
    await learned.machine(database, owner.id, machine_name="Sizes")
    body = {"machine_name": "Sizes", "user_experiences": {SIZE: {"0": 1}, "nothing": {"0": 1}}}
    answer = await call("save-lines", body)
    assert (answer.status_code, await counted()) == (400, 0)
