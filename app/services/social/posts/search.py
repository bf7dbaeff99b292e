"""Full-text search of posts: the best matches first, among the newest."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import cycle, pairwise
from struct import pack, unpack
from typing import Any, NamedTuple

import orjson
from limits import RateLimitItemPerMinute
from sqlalchemy import ARRAY, ColumnElement, Float, Select, Subquery, cast, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import REAL, REGCONFIG, TSQUERY
from sqlalchemy.orm import aliased

from app import checks
from app.database import ReadSession
from app.errors import BadRequest, Invalid
from app.models.accounts import User
from app.models.social import Post, PostHashtag, PostMention
from app.pagination import NOT_OURS
from app.policies import Viewer, visible
from app.rates import Rates
from app.services.social.posts.mentions import hashtags
from app.services.social.posts.scripts import RUN
from app.settings import settings

# A name with spaces is quoted; a phrase is left as it is, whatever it holds.
PART = re.compile(r'@"(?P<quoted>[^"]*)"|-?"[^"]*"?|\S+')
# A word as it is written counts, its stems only find: a text of no clear language has them in several.
WEIGHTS = cast([1e-9, 1e-9, 1e-9, 1.0], ARRAY(REAL))
# Neither occurs in a text: control characters are refused.
START, STOP = "\x02", "\x03"
HEADLINE = f"StartSel={START}, StopSel={STOP}, HighlightAll=true"

# Distinguishes its cursors from those of other lists.
LIST = "search_posts"


class Words(NamedTuple):
    """A parsed query: words as in web search, hashtags, and mentioned users."""

    text: tuple[str, ...]
    hashtags: frozenset[str]
    mentions: frozenset[str]

    @classmethod
    def of(cls, query: str) -> "Words":
        """Parses what a user typed."""
        text, tags, names = list[str](), set[str](), set[str]()
        for part in PART.finditer(query):
            word = part[0]
            if name := part["quoted"] or (word[1:].rstrip(".,;:!?") if word.startswith("@") else ""):
                names.add(name.lower())
            elif word.startswith("#") and (stated := hashtags(word)):
                tags.update(stated)
            elif any(map(str.isalnum, word)):
                text.append(word)
        if not (text or tags or names):
            raise Invalid("query", "Enter a word, a #hashtag or a @name.")
        return cls(tuple(text), frozenset(tags), frozenset(names))

    @property
    def tsquery(self) -> ColumnElement[Any]:
        """The words for PostgreSQL: all of them, or all of those on the other side of an `or`."""
        any_of: list[list[ColumnElement[Any]]] = [[]]
        for part in self.text:
            if part.lower() == "or":
                any_of.append([])
            else:
                any_of[-1].append(_term(part))
        sides = [reduce(func.tsquery_and, side) for side in any_of if side]
        return reduce(func.tsquery_or, sides) if sides else cast("", TSQUERY)

    @property
    def unspaced(self) -> list[str]:
        """The words of scripts without spaces that are searched for, the longest first."""
        runs = [run for part in self.text if not part.startswith("-") for run in RUN.findall(part)]
        return sorted(runs, key=len, reverse=True)


def _term(part: str) -> ColumnElement[Any]:
    """A word or a phrase. Where words have no spaces between them, its letters in pairs follow each other."""
    words = part.removeprefix("-").strip('"')
    terms: list[ColumnElement[Any]] = [cast(pairs, TSQUERY) for pairs in [_pairs(words)] if pairs]
    others = RUN.sub(" ", words)
    if any(map(str.isalnum, others)):
        terms.append(func.query_of_words(others, type_=TSQUERY))
    term = reduce(func.tsquery_and, terms)
    return func.tsquery_not(term) if part.startswith("-") else term


def _pairs(words: str) -> str:
    """The pairs of letters of all words without spaces, as far from one another as in the text."""
    places: list[tuple[int, str]] = []
    for run in RUN.finditer(words):
        pairs = list(map("".join, pairwise(run[0]))) or [run[0]]
        places += [(run.start() + number, pair) for number, pair in enumerate(pairs)]
    follows = (f"<{place - before}> '{pair}'" for (before, _), (place, pair) in pairwise(places))
    return " ".join([f"'{places[0][1]}'", *follows]) if places else ""


class Mark(NamedTuple):
    """A cursor of search results: the last match's rank and key, and the newest post at the first page."""

    rank: float
    id: int
    newest: int

    @property
    def cursor(self) -> str:
        """The cursor as clients see it."""
        return urlsafe_b64encode(orjson.dumps([LIST, *self])).decode().rstrip("=")

    @classmethod
    def parse(cls, cursor: str, argument: str) -> "Mark":
        """Decodes a cursor."""
        try:
            _, rank, id, newest = orjson.loads(checks.cursor(cursor))
        except (ValueError, TypeError):
            raise BadRequest(NOT_OURS.format(argument)) from None
        mark = cls(rank, id, newest)
        # Written in one way only, and by this list.
        if not (_is_rank(rank) and _is_key(id) and _is_key(newest)) or mark.cursor != cursor:
            raise BadRequest(NOT_OURS.format(argument))
        return mark


class Sought(NamedTuple):
    """What is searched for: words as a user typed them, and by whom."""

    query: str
    author_id: int | None

    @property
    def words(self) -> Words:
        """The query, parsed."""
        return Words.of(checks.text("query", self.query, length_max=settings.search_length_max))


@dataclass(frozen=True)
class TextPart:
    """A part of a text, and whether it matches."""

    text: str
    is_match: bool


@dataclass(frozen=True)
class PostMatch:
    """A matching post with its highlighted text."""

    post: Post
    highlighted: list[TextPart]
    mark: Mark


async def limit_searches(rates: Rates, viewer: Viewer, *, address: str) -> None:
    """Refused if too many searches were made."""
    limit = RateLimitItemPerMinute(settings.searches_per_minute_max)
    await rates.take(limit, f"search:{viewer.user_id or address}", what="You searched too often.")


async def search_posts(
    session: ReadSession,
    viewer: Viewer,
    sought: Sought,
    *,
    size: int,
    after: Mark | None,
    before: Mark | None,
    is_backward: bool,
) -> list[PostMatch]:
    """A page of matching posts and replies that the viewer sees, best first, and one more if there are more.

    One from the end comes in the opposite order.
    """
    words, mark = sought.words, after or before
    # Asked for once, not for each post.
    ts_query = select(words.tsquery).scalar_subquery()
    newest = literal(mark.newest) if mark else select(func.max(Post.id)).scalar_subquery()
    matching = _matching(viewer, words, ts_query, sought.author_id).where(Post.id <= newest)
    ranked = _ranked(matching, ts_query if words.text else None)
    page, place = select(ranked), tuple_(ranked.c.rank, ranked.c.id)
    if after is not None:
        page = page.where(place < tuple_(cast(after.rank, REAL), after.id))
    if before is not None:
        page = page.where(place > tuple_(cast(before.rank, REAL), before.id))
    cut = page.order_by(*_by_rank(ranked.c, is_backward=is_backward)).limit(size + 1).subquery("page")
    language = func.language_of_match(Post.content, ts_query, type_=REGCONFIG)
    excerpt = func.ts_headline(language, Post.content, ts_query, HEADLINE) if words.text else Post.content
    rows = select(Post, excerpt, cast(cut.c.rank, Float(53)), newest).join(cut, cut.c.id == Post.id)
    matches = await session.execute(rows.order_by(*_by_rank(cut.c, is_backward=is_backward)))
    return [
        PostMatch(post, list(_parts(text, words.unspaced)), Mark(rank, post.id, anchor))
        for post, text, rank, anchor in matches
    ]


async def count_posts(session: ReadSession, viewer: Viewer, sought: Sought) -> int:
    """How many posts match, of those that are ranked."""
    words = sought.words
    ts_query = select(words.tsquery).scalar_subquery()
    matching = _matching(viewer, words, ts_query, sought.author_id).with_only_columns(Post.id)
    return (
        await session.scalar(select(func.count()).select_from(matching.limit(settings.posts_ranked_max).subquery()))
        or 0
    )


def _by_rank(columns: Any, *, is_backward: bool) -> list[Any]:
    keys = [columns.rank, columns.id]
    return keys if is_backward else [key.desc() for key in keys]


def _matching(viewer: Viewer, words: Words, ts_query: ColumnElement[Any], author_id: int | None) -> Select[Post]:
    query = visible(Post, viewer).where(Post.deleted_at.is_(None))
    if words.text:
        query = query.where(Post.words.bool_op("@@")(ts_query))
    if author_id is not None:
        query = query.where(Post.author_id == author_id)
    for name in sorted(words.hashtags):
        tag = aliased(PostHashtag)
        query = query.join(tag, (tag.post_id == Post.id) & (tag.name == name))
    for name in sorted(words.mentions):
        mention = aliased(PostMention)
        people = visible(User, viewer).where(func.lower(User.username) == name).with_only_columns(User.id)
        query = query.join(mention, (mention.post_id == Post.id) & (mention.user_id.in_(people)))
    return query


def _ranked(query: Select[Post], ts_query: ColumnElement[Any] | None) -> Subquery:
    """The newest matches with their rank: for a very common word not all are ranked."""
    newest = query.with_only_columns(Post.id, Post.words).order_by(Post.id.desc()).limit(settings.posts_ranked_max)
    rows = newest.subquery("newest")
    rank = literal(0.0) if ts_query is None else func.ts_rank_cd(WEIGHTS, rows.c.words, ts_query)
    return select(rows.c.id, cast(rank, REAL).label("rank")).subquery("ranked")


def _parts(text: str, unspaced: Sequence[str]) -> Iterator[TextPart]:
    """The text in parts: PostgreSQL marks words between spaces, and words of other scripts are looked for here."""
    words = re.compile("|".join(map(re.escape, unspaced))) if unspaced else None
    for part, is_match in zip(re.split(f"[{START}{STOP}]", text), cycle((False, True)), strict=False):
        yield from _marked(part, words) if words and not is_match else ([TextPart(part, is_match)] if part else [])


def _marked(text: str, words: re.Pattern[str]) -> Iterator[TextPart]:
    end = 0
    for match in words.finditer(text):
        if match.start() > end:
            yield TextPart(text[end : match.start()], is_match=False)
        yield TextPart(match[0], is_match=True)
        end = match.end()
    if end < len(text):
        yield TextPart(text[end:], is_match=False)


def _is_rank(value: object) -> bool:
    """Whether PostgreSQL can have produced it: its `real` has fewer bits than JSON's numbers."""
    try:
        return type(value) is float and unpack("f", pack("f", value)) == (value,)
    except OverflowError:
        return False


def _is_key(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63
