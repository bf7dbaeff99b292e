"""A few people: what they do by the services, and what must come of it, in plain Python."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import psycopg

from app.database import Database, WriteSession
from app.errors import Code, DomainError
from app.models.social import Block, Mute
from app.policies import Viewer
from app.services.social import messages as messages_service
from app.services.social.people import blocks as blocks_service
from app.services.social.people import friends as friends_service
from app.services.social.posts import editing, removal
from app.services.social.posts import likes as likes_service

Pair = tuple[int, int]


class Refused(Exception):
    """What the model says to what must not be done."""

    def __init__(self, code: Code) -> None:
        self.code = code


@dataclass(frozen=True)
class Act:
    """What somebody does: to another, or about a row."""

    deed: str
    actor: int
    other: int
    row: int
    text: str


@dataclass
class State:
    """What there is, by the keys of rows; in pairs, the one whose it is comes first."""

    friends: set[Pair] = field(default_factory=set)
    requests: dict[int, Pair] = field(default_factory=dict)
    blocks: dict[int, Pair] = field(default_factory=dict)
    mutes: dict[int, Pair] = field(default_factory=dict)
    messages: dict[int, tuple[int, int, str, bool]] = field(default_factory=dict)
    posts: dict[int, tuple[int, int, str, bool]] = field(default_factory=dict)
    likes: set[Pair] = field(default_factory=set)
    shares: set[Pair] = field(default_factory=set)

    @property
    def seen(self) -> dict[str, Any]:
        """It without keys, so that what was made in another order is the same."""
        return {name: sorted(rows.values() if isinstance(rows, dict) else rows) for name, rows in vars(self).items()}

    def hides(self, one: int, other: int) -> bool:
        """Whether the two keep apart."""
        return bool({(one, other), (other, one)} & set(self.blocks.values()))

    def between(self, one: int, other: int) -> dict[int, Pair]:
        """The request between two, if there is one."""
        return {key: pair for key, pair in self.requests.items() if set(pair) == {one, other}}


POSTS = "SELECT id, author_id, coalesce(parent_id, 0), content, deleted_at IS NOT NULL FROM posts"


def state_of(connection: psycopg.Connection) -> State:
    """What there is in the database."""

    def rows(sql: str) -> list[Any]:
        return connection.execute(sql).fetchall()

    return State(
        set(rows("SELECT user_id, friend_id FROM friendships")),
        {key: tuple(pair) for key, *pair in rows("SELECT id, from_user_id, to_user_id FROM friend_requests")},
        {key: tuple(pair) for key, *pair in rows("SELECT id, user_id, blocked_id FROM blocks")},
        {key: tuple(pair) for key, *pair in rows("SELECT id, user_id, muted_id FROM mutes")},
        {key: tuple(said) for key, *said in rows("SELECT id, sender_id, receiver_id, content, is_read FROM messages")},
        {key: tuple(said) for key, *said in rows(POSTS)},
        set(rows("SELECT user_id, post_id FROM likes")),
        set(rows("SELECT user_id, post_id FROM shares")),
    )


def _add(rows: dict[int, Any], value: Any) -> None:
    rows[min([0, *rows]) - 1] = value  # what is in the database has a key above 0


def _meet(state: State, act: Act) -> None:
    if act.actor == act.other or state.hides(act.actor, act.other):
        raise Refused(Code.INVALID_INPUT)


def _befriend(state: State, key: int) -> None:
    asking, asked = state.requests.pop(key)
    state.friends |= {(asking, asked), (asked, asking)}


def _received(state: State, act: Act) -> None:
    if act.actor not in state.requests.get(act.row, ()):
        raise Refused(Code.NOT_FOUND)
    if state.requests[act.row][1] != act.actor:
        raise Refused(Code.FORBIDDEN)


def _ask(state: State, act: Act) -> None:
    _meet(state, act)
    if (act.actor, act.other) in state.friends:
        raise Refused(Code.CONFLICT)
    for key, (asking, _) in state.between(act.actor, act.other).items():
        if asking == act.actor:
            raise Refused(Code.CONFLICT)
        return _befriend(state, key)
    return _add(state.requests, (act.actor, act.other))


def _accept(state: State, act: Act) -> None:
    _received(state, act)
    _befriend(state, act.row)


def _decline(state: State, act: Act) -> None:
    _received(state, act)
    del state.requests[act.row]


def _cancel(state: State, act: Act) -> None:
    _meet(state, act)
    own = [key for key, pair in state.requests.items() if pair == (act.actor, act.other)]
    if not own:
        raise Refused(Code.CONFLICT)
    del state.requests[own[0]]


def _part(state: State, act: Act) -> None:
    _meet(state, act)
    if (act.actor, act.other) not in state.friends:
        raise Refused(Code.CONFLICT)
    state.friends -= {(act.actor, act.other), (act.other, act.actor)}


def _block(state: State, act: Act) -> None:
    if (act.actor, act.other) in state.blocks.values():
        return
    _meet(state, act)
    for key in state.between(act.actor, act.other):
        del state.requests[key]
    state.friends -= {(act.actor, act.other), (act.other, act.actor)}
    _add(state.blocks, (act.actor, act.other))


def _mute(state: State, act: Act) -> None:
    _meet(state, act)
    if (act.actor, act.other) not in state.mutes.values():
        _add(state.mutes, (act.actor, act.other))


def _take_back_own(rows: dict[int, Pair], act: Act) -> None:
    if rows.get(act.row, (0,))[0] != act.actor:
        raise Refused(Code.NOT_FOUND)
    del rows[act.row]


def _write(state: State, act: Act) -> None:
    if state.hides(act.actor, act.other):
        raise Refused(Code.INVALID_INPUT)
    _add(state.messages, (act.actor, act.other, act.text, act.actor == act.other))


def _read(state: State, act: Act) -> None:
    said = {key: row for key, row in state.messages.items() if {*row[:2]} == {act.actor, act.other}}
    if not said or state.hides(act.actor, act.other):
        raise Refused(Code.NOT_FOUND)
    for key, (sender, receiver, text, _) in said.items():
        if receiver == act.actor:
            state.messages[key] = (sender, receiver, text, True)


def _take_message_back(state: State, act: Act) -> None:
    sender, receiver, text, is_read = state.messages.get(act.row, (0, 0, "", False))
    if act.actor not in (sender, receiver) or state.hides(sender, receiver):
        raise Refused(Code.NOT_FOUND)
    if act.actor != sender:
        raise Refused(Code.FORBIDDEN)
    if not text:
        raise Refused(Code.CONFLICT)
    state.messages[act.row] = (sender, receiver, "", is_read)


def _see_post(state: State, act: Act, refusal: Code = Code.NOT_FOUND) -> None:
    author, _, _, is_deleted = state.posts.get(act.row, (0, 0, "", True))
    if is_deleted or state.hides(act.actor, author):
        raise Refused(refusal)


def _post(state: State, act: Act) -> None:
    _add(state.posts, (act.actor, 0, act.text, False))


def _reply(state: State, act: Act) -> None:
    _see_post(state, act, Code.INVALID_INPUT)
    _add(state.posts, (act.actor, act.row, act.text, False))


def _edit(state: State, act: Act) -> None:
    _own_post(state, act)
    author, parent, _, _ = state.posts[act.row]
    state.posts[act.row] = (author, parent, act.text, False)


def _delete(state: State, act: Act) -> None:
    _own_post(state, act)
    author, parent, _, _ = state.posts[act.row]
    state.posts[act.row] = (author, parent, "", True)
    for marks in (state.likes, state.shares):
        marks -= {mark for mark in marks if mark[1] == act.row}
    hollow = act.row
    while hollow and state.posts[hollow][3] and hollow not in {parent for _, parent, _, _ in state.posts.values()}:
        hollow = state.posts.pop(hollow)[1]


def _own_post(state: State, act: Act) -> None:
    _see_post(state, act)
    if state.posts[act.row][0] != act.actor:
        raise Refused(Code.FORBIDDEN)


def _mark(state: State, act: Act) -> None:
    _see_post(state, act)
    (state.likes if act.deed == "like" else state.shares).add((act.actor, act.row))


def _unmark(state: State, act: Act) -> None:
    _see_post(state, act)
    (state.likes if act.deed == "unlike" else state.shares).discard((act.actor, act.row))


async def _create_post(session: WriteSession, viewer: Viewer, act: Act, parent_id: int | None = None) -> None:
    await editing.create_post(session, viewer, parent_id=parent_id, about=None, fields={"content": act.text})


RULES: dict[str, Callable[[State, Act], None]] = {
    "ask": _ask,
    "accept": _accept,
    "decline": _decline,
    "cancel": _cancel,
    "part": _part,
    "block": _block,
    "unblock": lambda state, act: _take_back_own(state.blocks, act),
    "mute": _mute,
    "unmute": lambda state, act: _take_back_own(state.mutes, act),
    "write": _write,
    "read": _read,
    "take message back": _take_message_back,
    "post": _post,
    "reply": _reply,
    "edit": _edit,
    "delete": _delete,
    "like": _mark,
    "unlike": _unmark,
    "share": _mark,
    "unshare": _unmark,
}
DEEDS: dict[str, Callable[[WriteSession, Viewer, Act], Awaitable[Any]]] = {
    "ask": lambda session, viewer, act: friends_service.send_friend_request(session, viewer, act.other),
    "accept": lambda session, viewer, act: friends_service.accept_friend_request(session, viewer, act.row),
    "decline": lambda session, viewer, act: friends_service.decline_friend_request(session, viewer, act.row),
    "cancel": lambda session, viewer, act: friends_service.cancel_friend_request(session, viewer, act.other),
    "part": lambda session, viewer, act: friends_service.remove_friend(session, viewer, act.other),
    "block": lambda session, viewer, act: blocks_service.block_user(session, viewer, act.other),
    "unblock": lambda session, viewer, act: blocks_service.unblock_user(session, viewer, Block.id == act.row),
    "mute": lambda session, viewer, act: blocks_service.mute_user(session, viewer, act.other, hours=None),
    "unmute": lambda session, viewer, act: blocks_service.unmute_user(session, viewer, Mute.id == act.row),
    "write": lambda session, viewer, act: messages_service.send_message(
        session, viewer, receiver_id=act.other, content=act.text
    ),
    "read": lambda session, viewer, act: messages_service.read_conversation(session, viewer, act.other),
    "take message back": lambda session, viewer, act: messages_service.take_message_back(session, viewer, act.row),
    "post": _create_post,
    "reply": lambda session, viewer, act: _create_post(session, viewer, act, act.row),
    "edit": lambda session, viewer, act: editing.edit_post(session, viewer, act.row, changes={"content": act.text}),
    "delete": lambda session, viewer, act: removal.delete_post(session, viewer, act.row),
    "like": lambda session, viewer, act: likes_service.like_post(session, viewer, act.row),
    "unlike": lambda session, viewer, act: likes_service.unlike_post(session, viewer, act.row),
    "share": lambda session, viewer, act: likes_service.share_post(session, viewer, act.row),
    "unshare": lambda session, viewer, act: likes_service.unshare_post(session, viewer, act.row),
}
ABOUT = {"accept": "requests", "decline": "requests", "unblock": "blocks", "unmute": "mutes"}
ABOUT |= {"take message back": "messages"}
ABOUT |= dict.fromkeys(("reply", "edit", "delete", "like", "unlike", "share", "unshare"), "posts")
"""What the rows are that a deed is about, if it is about one."""


async def do(database: Database, act: Act) -> str:
    """What comes of an act: the problem's code, or that it is done."""
    try:
        async with database.writing() as session:
            await DEEDS[act.deed](session, Viewer(act.actor), act)
    except DomainError as problem:
        return problem.code.value
    return "done"


def expect(state: State, act: Act) -> str:
    """What must come of an act, which changes the state."""
    try:
        RULES[act.deed](state, act)
    except Refused as problem:
        return problem.code.value
    return "done"


def agrees(before: State, acts: list[tuple[Act, str]], after: State) -> bool:
    """Whether acts in this order would have come to this."""
    state = deepcopy(before)
    return all(expect(state, act) == outcome for act, outcome in acts) and state.seen == after.seen
