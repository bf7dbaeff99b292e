"""Mentions and hashtags in a text.

Usernames may contain spaces and signs, so the text alone does not tell where a name ends. A mention is the longest
existing username that ends at a word boundary. Scripts without spaces between words have one between any two letters.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, takewhile
from unicodedata import bidirectional, normalize

from sqlalchemy import delete, func, select

from app.database import WriteSession
from app.limits.accounts import USERNAME_LENGTH_MAX
from app.limits.social import HASHTAG_LENGTH_MAX
from app.models.accounts import User
from app.models.social import Post, PostHashtag, PostMention, PostRevision
from app.policies import Viewer, visible
from app.policies.accounts import is_blocked
from app.postgres import last_statement
from app.postgres.last_statement import Part
from app.services.social.posts.scripts import is_unspaced
from app.settings import settings

HASHTAGS = Part(
    "hashtags_made AS ("
    "INSERT INTO post_hashtags (post_id, name) SELECT post_id, name FROM {rows} ON CONFLICT DO NOTHING)",
    post_id="bigint",
    name="text",
)
MENTIONS = Part(
    "mentions_made AS (INSERT INTO post_mentions (post_id, user_id) SELECT post_id, user_id FROM {rows})",
    post_id="bigint",
    user_id="bigint",
)
ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
LINE_END = re.compile(r"[\r\n\t]")
# These signs do not end a word; what follows them belongs to something else, such as an address.
JOINING = {"@", "#", "/", "&", "=", "+"}
# Invisible signs that say how letters are joined. Words of Arabic and Indian scripts contain them, usernames do not.
JOINERS = dict.fromkeys(map(ord, "\u200c\u200d"))


async def keep_hashtags(session: WriteSession, post: Post, *, is_new: bool) -> None:
    """Updates the hashtags of a post; a new one has none yet."""
    names = hashtags(post.content)
    if not is_new:
        gone = delete(PostHashtag).where(PostHashtag.post_id == post.id, PostHashtag.name.not_in(names))
        await session.execute(gone)
    for name in names:
        last_statement.of(session).add(HASHTAGS, post.id, name)


async def keep_mentions(session: WriteSession, viewer: Viewer, post: Post, *, is_new: bool) -> Sequence[int]:
    """Updates the mentions of a post; returns users it never mentioned before. A new one has mentioned nobody yet."""
    known = await _people(session, viewer, post.content)
    named = set(mentions(post.content, known))
    if not is_new:
        gone = delete(PostMention).where(PostMention.post_id == post.id, PostMention.user_id.not_in(named))
        await session.execute(gone)
    new = set(named)
    if named and not is_new:
        new -= set(await session.scalars(select(PostMention.user_id).where(PostMention.post_id == post.id)))
    for user_id in sorted(new):
        last_statement.of(session).add(MENTIONS, post.id, user_id)
    if is_new or not new:
        return sorted(new)
    for before in await session.scalars(select(PostRevision.content).where(PostRevision.post_id == post.id)):
        new -= set(mentions(before, known))
    return sorted(new)


async def _people(session: WriteSession, viewer: Viewer, text: str) -> Mapping[str, int]:
    """The keys of possible mentions by lower-case username, among users the author sees."""
    names = {name for names in _names(text) for name in names}
    if not names:
        return {}
    small = func.lower(User.username)
    query = visible(User, viewer).where(small.in_(names), User.is_active, ~is_blocked(viewer, User.id))
    return dict((await session.execute(query.with_only_columns(small, User.id))).all())


def mentions(text: str, known: Mapping[str, int]) -> list[int]:
    """The keys of users that a text mentions, given the known lower-case usernames."""
    users = (next((known[name] for name in names if name in known), None) for names in _names(text))
    return [key for key in users if key is not None]


def hashtags(text: str) -> list[str]:
    """The hashtags in a text, lower case, each once; a hashtag needs at least one letter."""
    names: dict[str, None] = {}
    for rest in _after(text, "#"):
        name = _word(rest).lower()
        if len(name) <= HASHTAG_LENGTH_MAX and any(map(str.isalpha, name)):
            names[name] = None
    return list(names)[: settings.hashtags_max]


def _names(text: str) -> list[list[str]]:
    """For each place that may be a mention, the possible usernames, the longest first."""
    lines = [f"{LINE_END.split(rest)[0]} "[: USERNAME_LENGTH_MAX + 1] for rest in _after(text, "@")]
    return [[line[:end].translate(JOINERS).lower() for end in _ends(line)] for line in lines[: settings.mentions_max]]


def _ends(line: str) -> list[int]:
    """Where a username may end: not within a word, and not after a space."""
    between = [(end, *line[end - 1 : end + 1]) for end in range(len(line) - 1, 0, -1)]
    return [end for end, last, next in between if not last.isspace() and not _is_within_word(last, next)]


def _after(text: str, sign: str) -> Iterator[str]:
    """What follows a sign that begins a word and is not part of a web address."""
    bare = ADDRESS.sub(lambda address: " " * len(address[0]), normalize("NFC", text))
    for place, (before, character) in enumerate(pairwise(f" {bare}")):
        if character == sign and before not in JOINING and (not _is_word(before) or is_unspaced(before)):
            yield bare[place + 1 :]


def _word(text: str) -> str:
    """The word that a text begins with."""
    follows = zip(text, f" {text}", f"{text[1:]} ", strict=False)
    letters = takewhile(lambda each: _is_word(each[0]) or _is_joined(*each), follows)
    return "".join(letter for letter, _, _ in letters)


def _is_joined(character: str, before: str, after: str) -> bool:
    """Whether it joins two letters of a script in which that is spelling: Arabic letters, or signs of Indian ones."""
    return ord(character) in JOINERS and bidirectional(before) in {"AL", "NSM"} and _is_word(after)


def _is_within_word(last: str, next: str) -> bool:
    return _is_word(last) and _is_word(next) and not (is_unspaced(last) or is_unspaced(next))


def _is_word(character: str) -> bool:
    """Whether it is part of a word in any script, by Unicode's rules for identifiers."""
    return f"a{character}".isidentifier()
