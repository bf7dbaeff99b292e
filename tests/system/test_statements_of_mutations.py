"""A mutation sends few statements: each has a ceiling, and whatever adds one has to raise it here.

BEGIN, COMMIT and savepoints count. What the process reads afterwards to tell subscribers does not.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from shapely import box
from sqlalchemy import Engine, event, text

from app.postgres.reader import Reader
from app.services.billing.ledger import STRIPES
from resolvers import ids
from tests import factories
from tests.billing.books import give

_sent: ContextVar[list[str] | None] = ContextVar("sent", default=None)


def note(statement: str) -> None:
    """Notes what is sent for whoever counts; the process's own tasks do not."""
    if (sent := _sent.get()) is not None:
        sent.append(statement)


LISTENERS: dict[str, Callable[..., None]] = {
    "before_cursor_execute": lambda _connection, _cursor, statement, *_: note(statement),
    "begin": lambda *_: note("BEGIN"),
    "commit": lambda *_: note("COMMIT"),
    "rollback": lambda *_: note("ROLLBACK"),
    "savepoint": lambda *_: note("SAVEPOINT"),
    "release_savepoint": lambda *_: note("RELEASE SAVEPOINT"),
    "rollback_savepoint": lambda *_: note("ROLLBACK TO SAVEPOINT"),
}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever is sent is noted."""

    async def rows(reader: Reader, sql: bytes, *parameters: Any, **how: Any) -> list[Any]:
        note(sql.decode())
        return await read(reader, sql, *parameters, **how)

    read = Reader.rows
    monkeypatch.setattr(Reader, "rows", rows)
    for name, listener in LISTENERS.items():
        event.listen(Engine, name, listener)
    yield
    for name, listener in LISTENERS.items():
        event.remove(Engine, name, listener)


ACCOUNTS = """
INSERT INTO ledger_accounts (kind, currency, stripe)
SELECT kind, currency, part FROM generate_series(0, :parts) AS part,
    (VALUES ('EXTERNAL', 'USD'), ('CONVERSION', 'USD'), ('CONVERSION', 'EAML')) AS account (kind, currency)
"""

# The most that each may send, with a plan for its answer's own columns.
CEILINGS = {
    "createPost": 4,
    "createPost with a hashtag": 4,
    "createPost with a mention": 6,
    "createPost as a reply": 6,
    "editPost": 8,
    "deletePost": 21,
    "likePost": 6,
    "likePost again": 5,
    "unlikePost again": 5,
    "sharePost": 6,
    "sharePost again": 5,
    "sendMessage": 6,
    "readConversation": 7,
    "sendFriendRequest": 6,
    "muteUser": 8,
    "blockUser": 12,
    "createDataset": 4,
    "updateDataset": 5,
    "createAoi": 6,
    "createLabel": 9,
    "createModel": 5,
    "createTeam": 6,
    "updateProfile": 5,
    "buyTokens": 6,
    "topUpBalance": 6,
}


@pytest.fixture
async def inputs(database, owner, other, staff, change):
    """An input of each mutation, which can be sent again and again."""
    async with database.writing() as session:  # every part of them, whichever connection comes
        await session.execute(text(ACCOUNTS), {"parts": STRIPES - 1})
    await give(database, owner.id, 1_000)
    theirs = ids.encode(await factories.post(database, other.id))
    own = ids.encode(await factories.post(database, owner.id))
    friend, dataset = ids.encode(other.user), await factories.dataset(database, owner.id)
    aoi = ids.encode(await factories.aoi(database, dataset))
    here, square = ids.encode(dataset), factories.SQUARE.__geo_interface__
    names = iter(range(1_000))

    def label() -> dict[str, Any]:
        x = 12.0001 + 0.00001 * next(names)
        return {"aoiId": aoi, "geom": box(x, 46.0001, x + 0.00001, 46.00011).__geo_interface__}

    async def post() -> dict[str, Any]:
        return {"id": ids.encode(await factories.post(database, owner.id))}

    async def post_of_theirs() -> dict[str, Any]:
        return {"id": ids.encode(await factories.post(database, other.id))}

    async def person() -> dict[str, Any]:
        made = await factories.user(database, f"person{next(names)}")
        return {"userId": ids.encode(made.user)}

    async def message() -> dict[str, Any]:
        await change("sendMessage", viewer=other, userId=ids.encode(owner.user), content="Hello.")
        return {"userId": friend}

    return {
        "createPost": {"content": "The roofs are mapped."},
        "createPost with a hashtag": {"content": "The roofs are mapped. #roofs"},
        "createPost with a mention": {"content": f"Look, @{other.user.username}!"},
        "createPost as a reply": {"content": "Yes.", "parentId": theirs},
        "editPost": lambda: {"id": own, "content": f"Now {next(names)} roofs."},
        "deletePost": post,
        "likePost": post_of_theirs,
        "likePost again": {"id": theirs},
        "unlikePost again": {"id": theirs},
        "sharePost": post_of_theirs,
        "sharePost again": {"id": theirs},
        "sendMessage": {"userId": friend, "content": "Are you there?"},
        "readConversation": message,
        "sendFriendRequest": person,
        "muteUser": person,
        "blockUser": person,
        "createDataset": {"name": "Village", "sourceImagery": "https://tiles.example.org/{z}/{x}/{y}.png"},
        "updateDataset": lambda: {"id": here, "name": f"Village {next(names)}"},
        "createAoi": {"datasetId": here, "geom": square},
        "createLabel": label,
        "createModel": lambda: {"datasetId": here, "name": f"Roofs {next(names)}"},
        "createTeam": lambda: {"name": f"Team {next(names)}"},
        "updateProfile": lambda: {"bio": f"Ann {next(names)}"},
        "buyTokens": {"usd": "0.01"},
        "topUpBalance": {"userId": ids.encode(owner.user), "usd": "1", "reason": "Transfer."},
    }


@pytest.mark.parametrize("name", CEILINGS)
async def test_no_statement_creeps_in(counted, inputs, change, owner, staff, name):
    async def send() -> None:
        given = inputs[name]() if callable(inputs[name]) else inputs[name]
        given = given if isinstance(given, dict) else await given
        viewer = staff if name == "topUpBalance" else owner
        sent.clear()
        answer = await change(name.split(" ")[0], viewer=viewer, **given)
        assert "code" not in answer, answer

    sent: list[str] = []
    _sent.set(sent)
    await send()  # what only the first one needs: who asks, and accounts that are opened
    await send()
    assert len(sent) <= CEILINGS[name], "\n".join(sent)
    assert not any("SAVEPOINT" in statement for statement in sent)
