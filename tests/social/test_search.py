"""Posts are found by their words, best first, by whoever sees them, and shown with what was found in them."""

import re
from random import Random
from runpy import run_path

import pytest
from sqlalchemy import text

from app.models.social import Block
from app.operations.database.migrate import MIGRATIONS
from app.services.social.posts.scripts import UNSPACED
from app.settings import settings
from resolvers import ids
from tests import factories

SEARCH = """query ($query: String!, $authorId: ID, $first: Int! = 25, $after: String) {
  searchPosts(query: $query, authorId: $authorId, first: $first, after: $after) {
    nodes { post { id content } highlighted { text isMatch } } pageInfo { hasNextPage endCursor }
  }
}"""


@pytest.fixture
def say(change, monkeypatch):
    monkeypatch.setattr(settings, "posts_per_minute_max", 10_000)

    async def say(author, content, **fields):
        return (await change("createPost", viewer=author, content=content, **fields))["id"]

    return say


async def found(ask, query, viewer=None, **arguments) -> list[str]:
    answer = await ask(SEARCH, viewer=viewer, query=query, **arguments)
    return [each["post"]["content"] for each in answer["searchPosts"]["nodes"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("roof", {"a roof", "A ROOF, tiled", "the tiled wall and the roof"}),
        ("roof tiled", {"A ROOF, tiled", "the tiled wall and the roof"}),
        ('"roof tiled"', {"A ROOF, tiled"}),
        ("roof -tiled", {"a roof"}),
        ("wall or tiled", {"A ROOF, tiled", "the tiled wall and the roof"}),
        ("roofs", {"a roof", "A ROOF, tiled", "the tiled wall and the roof"}),
        ("roof -roofs", set()),
        ("roofing road", set()),
    ],
)
async def test_words_phrases_and_what_is_not_wanted(ask, say, owner, query, expected):
    for content in ("a roof", "A ROOF, tiled", "the tiled wall and the roof", "a road"):
        await say(owner, content)
    assert set(await found(ask, query)) == expected


@pytest.mark.parametrize(
    ("content", "queries"),
    [
        ("Das Café an der Straße", ["cafe", "CAFÉ", "Cafe\u0301", "strasse", "STRAẞE"]),
        ("Søren og Łukasz i Ærø", ["soren", "lukasz", "aero"]),
        ("Die Häuser am Fluss sind alt", ["Haus", "haus", "hauser", "Häusern", "Flüsse"]),
        ("The cities were running out of water", ["city", "run", "runs", "the city", '"cities were"']),
        ("Les chevaux mangent dans le pré", ["cheval", "chevaux", "pre"]),
        ("Las casas de los niños son grandes", ["casa", "niño", "nino", "grande"]),
        ("Новые дома у реки", ["дом", "река", "новый"]),
        ("Häuser", ["Haus"]),
        ("東京都の建物を調べる", ["東京", "京都の", "建物", "調べる", "物", "東京 建物", '"東京都"']),
        ("北京大学附近的楼房", ["大学", "楼房", "北京 楼"]),
        ("บ้านใหม่ริมแม่น้ำ", ["บ้าน", "แม่น้ำ", "ริม"]),
        ("서울에서 집을 그렸다", ["서울", "집"]),
        ("ブエノスアイレスのroofを見た", ["ブエノス", "roof", "アイレス roof"]),
    ],
)
async def test_words_are_found_in_other_forms_without_accents_and_without_spaces(ask, say, owner, content, queries):
    await say(owner, content)
    assert [query for query in queries if await found(ask, query) != [content]] == []


@pytest.mark.parametrize(
    ("content", "queries"),
    [
        ("東京都の建物", ["京東", "建築", "東建", '"東京 建物"', "-東京 建物", "東京 -建物"]),
        ("Die Häuser am Fluss", ["Hausverwaltung", "-Haus Fluss"]),
        ("บ้านใหม่", ["ใหม่บ้าน"]),
        ("roofs and walls", ["roots", "roofs -wall"]),
    ],
)
async def test_nothing_else_is_found(ask, say, owner, content, queries):
    await say(owner, content)
    assert [query for query in queries if await found(ask, query)] == []


async def test_either_word_is_found_in_any_script(ask, say, owner):
    for content in ("東京の建物", "a roof", "เมืองใหม่"):
        await say(owner, content)
    assert set(await found(ask, "建物 or roofs")) == {"東京の建物", "a roof"}
    assert set(await found(ask, "or เมือง OR 建物")) == {"東京の建物", "เมืองใหม่"}


async def test_words_as_they_are_written_come_before_their_other_forms(ask, say, owner):
    for content in ("the house there", "the houses there"):
        await say(owner, content)
    assert await found(ask, "house") == ["the house there", "the houses there"]
    assert await found(ask, "houses") == ["the houses there", "the house there"]


@pytest.mark.parametrize(
    ("content", "query", "marked"),
    [
        ("Die Häuser am Fluss", "haus", ["Häuser"]),
        ("Un café, des cafés", "cafe", ["café", "cafés"]),
        ("東京都の建物と東京の駅", "東京 -駅前", ["東京", "東京"]),
        ("東京のroofs", "roof 東京", ["東京"]),
        ("running and a run", "runs", ["running", "run"]),
    ],
)
async def test_other_forms_and_scripts_are_marked_in_the_text(ask, say, owner, content, query, marked):
    await say(owner, content)
    [match] = (await ask(SEARCH, query=query))["searchPosts"]["nodes"]
    assert "".join(part["text"] for part in match["highlighted"]) == content
    assert [part["text"] for part in match["highlighted"] if part["isMatch"]] == marked


def test_the_database_and_python_know_the_same_scripts_without_spaces():
    [migration] = MIGRATIONS.glob("versions/*search_posts_by_stems*.py")
    namespace = run_path(str(migration))
    assert (
        re.sub(r"\\(?:u(....)|U(.{8}))", lambda code: chr(int(code[1] or code[2], 16)), namespace["UNSPACED"])
        == UNSPACED
    )


async def test_what_says_it_more_comes_first_and_then_what_is_newer(ask, say, owner):
    for content in ("roof one", "roof roof", "roof two"):
        await say(owner, content)
    assert await found(ask, "roof") == ["roof roof", "roof two", "roof one"]


async def test_replies_are_found_and_what_was_deleted_is_not(ask, change, say, owner, other):
    first = await say(owner, "a roof")
    await say(other, "which roof", parentId=first)
    assert await found(ask, "roof") == ["which roof", "a roof"]
    await change("deletePost", viewer=owner, id=first)
    assert await found(ask, "roof") == ["which roof"]


async def test_a_hashtag_finds_what_has_it_and_a_word_both(ask, say, owner):
    for content in ("a #roof", "a roof", "a #roof and a #wall", "tiled #roof"):
        await say(owner, content)
    assert await found(ask, "#Roof") == ["tiled #roof", "a #roof and a #wall", "a #roof"]
    assert await found(ask, "#roof #wall") == ["a #roof and a #wall"]
    assert await found(ask, "tiled #roof") == ["tiled #roof"]
    assert set(await found(ask, "roof")) == {"a #roof", "a roof", "a #roof and a #wall", "tiled #roof"}


async def test_a_name_finds_where_somebody_is_mentioned(ask, database, say, owner, other):
    await factories.user(database, "annlee", username="ann lee")
    for content in ("ask @other", "the other roof", "ask @other, about the roof", "ask @ann lee"):
        await say(owner, content)
    assert await found(ask, "@Other") == ["ask @other, about the roof", "ask @other"]
    assert await found(ask, "@other, roof") == ["ask @other, about the roof"]
    assert await found(ask, '@"ann lee"') == ["ask @ann lee"]
    assert await found(ask, "@nobody") == []
    await factories.add(database, Block(user_id=other.id, blocked_id=owner.id, username="owner"))
    assert await found(ask, "@other", viewer=owner) == []


async def test_only_what_one_sees_is_found(ask, database, say, owner, other):
    gone = (await factories.user(database, "gone", is_active=False)).user
    await factories.post(database, gone.id, content="roof by gone")
    await say(other, "roof by other")
    assert await found(ask, "roof", viewer=owner) == ["roof by other"]
    await factories.add(database, Block(user_id=other.id, blocked_id=owner.id, username="owner"))
    assert await found(ask, "roof", viewer=owner) == []
    assert await found(ask, "roof") == ["roof by other"]


async def test_one_persons_posts_are_searched(ask, say, owner, other):
    await say(owner, "roof by owner")
    await say(other, "roof by other")
    assert await found(ask, "roof", authorId=ids.encode(owner.user)) == ["roof by owner"]


async def test_what_was_found_is_marked_and_the_rest_is_left_as_it_is(ask, say, owner):
    content = 'A <b>Roof</b> & a "roof-tile" at https://roof.example.org/roof?a=1 #roof\nroof'
    await say(owner, content)
    [match] = (await ask(SEARCH, query="roof"))["searchPosts"]["nodes"]
    assert "".join(part["text"] for part in match["highlighted"]) == content
    assert {part["text"].lower() for part in match["highlighted"] if part["isMatch"]} >= {"roof"}
    [match] = (await ask(SEARCH, query="#roof"))["searchPosts"]["nodes"]
    assert match["highlighted"] == [{"text": content, "isMatch": False}]


async def test_page_by_page_everything_comes_once_and_what_is_new_does_not_move_it(ask, say, owner):
    random = Random(1)
    for number in range(20):
        await say(owner, " ".join(["roof"] * random.randint(1, 4) + [str(number)]))
    expected, received, after = await found(ask, "roof"), [], None
    assert len(expected) == 20
    while True:
        answer = (await ask(SEARCH, query="roof", first=3, after=after))["searchPosts"]
        received += [each["post"]["content"] for each in answer["nodes"]]
        after = answer["pageInfo"]["endCursor"]
        if not answer["pageInfo"]["hasNextPage"]:
            break
        await say(owner, "roof " * 5)
    assert received == expected


async def test_the_matches_are_a_connection_in_both_directions(ask, say, owner):
    for number in range(7):
        await say(owner, " ".join(["roof"] * (number % 3 + 1) + [str(number)]))
    document = """query ($first: Int, $after: String, $last: Int, $before: String) {
      searchPosts(query: "roof", first: $first, after: $after, last: $last, before: $before) {
        totalCount nodes { post { id } } edges { cursor node { post { id } } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }"""
    whole = (await ask(document))["searchPosts"]
    expected = [node["post"]["id"] for node in whole["nodes"]]
    assert whole["totalCount"] == len(expected) == 7
    assert [edge["node"] for edge in whole["edges"]] == whole["nodes"]
    at = [edge["cursor"] for edge in whole["edges"]]
    assert whole["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": at[0],
        "endCursor": at[-1],
    }
    found, before = [], None
    for pages_left in (2, 1, 0):
        page = (await ask(document, last=3, before=before))["searchPosts"]
        found = [*(node["post"]["id"] for node in page["nodes"]), *found]
        assert page["pageInfo"]["hasPreviousPage"] is (pages_left > 0)
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        before = page["pageInfo"]["startCursor"]
    assert found == expected
    between = (await ask(document, after=at[0], before=at[5], last=2))["searchPosts"]
    assert [node["post"]["id"] for node in between["nodes"]] == expected[3:5]
    refused = await ask(document, last=1, before="x")
    assert [error["message"] for error in refused.errors] == ["`before` is not a cursor from this API."]
    assert (await ask(document, first=1, last=1)).codes == ["BAD_REQUEST"]


async def test_of_very_many_the_newest_are_ranked(ask, say, owner, monkeypatch):
    monkeypatch.setattr(settings, "posts_ranked_max", 2)
    for content in ("roof roof roof", "roof roof", "roof"):
        await say(owner, content)
    assert await found(ask, "roof") == ["roof roof", "roof"]


@pytest.mark.parametrize("query", ["", "  ", "!!", '""', "#", "@", "x" * 201, "bell\x07"])
async def test_a_search_asks_for_something(ask, query):
    assert (await ask(SEARCH, query=query)).codes == ["INVALID_INPUT"]


@pytest.mark.parametrize(
    "query", ["'", '"', '"roof', "roof )(", "& | !", "a:*", "\\", "-", "or or", '@"', "#1", "-#roof", "ß"]
)
async def test_whatever_is_typed_is_answered(ask, query):
    answer = await ask(SEARCH, query=query)
    assert answer.codes in ([], ["INVALID_INPUT"])


@pytest.mark.parametrize("after", ["", "%%%", "WzFd", "WzEsMiwzXQ", "WzEuMCwiMiIsM10", "WzEuMCwtMiwzXQ"])
async def test_what_is_no_cursor_is_refused(ask, after):
    assert (await ask(SEARCH, query="roof", after=after)).codes == ["BAD_REQUEST"]


async def test_a_page_takes_as_many_statements_wherever_it_lies(ask, say, owner, statements):
    for number in range(6):
        await say(owner, f"roof {number}")
    after, counts = None, []
    for _ in range(3):
        statements.clear()
        after = (await ask(SEARCH, query="roof", first=2, after=after))["searchPosts"]["pageInfo"]["endCursor"]
        counts.append(len(statements))
    assert counts == [1] * 3


async def test_the_index_is_used(database, ask, say, owner, statements):
    await say(owner, "roof")
    statements.clear()
    await found(ask, "roof")
    [sql] = statements
    async with database.reading() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        assert "posts.words @@" in sql
        plan = await session.execute(text("EXPLAIN SELECT id FROM posts WHERE words @@ 'roof'::tsquery"))
        assert "ix_posts_words" in " ".join(plan.scalars())


async def test_searching_is_paced(ask, owner, monkeypatch):
    monkeypatch.setattr(settings, "searches_per_minute_max", 1)
    assert await found(ask, "roof", viewer=owner) == []
    assert (await ask(SEARCH, viewer=owner, query="roof")).codes == ["RATE_LIMITED"]
