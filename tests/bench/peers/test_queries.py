from pathlib import Path

import pytest
from graphql import parse, validate

from schema import schema
from tests.bench.peers.growth import PAGES
from tests.bench.peers.queries import QUESTIONS

DOCUMENTS = {question.name: question.text for question in QUESTIONS} | {name: text for name, (text, _) in PAGES.items()}
TOWN = (
    "query ($key: BigInt!) { aoi: aois(rowId: $key) {"
    " labels: labelsByAoiId(first: 1000, orderBy: [PRIMARY_KEY_DESC]) {"
    " nodes { id: rowId geom origin osmId tags createdAt } } } }"
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_the_benchmark_asks_is_valid(name):
    assert validate(schema._schema, parse(DOCUMENTS[name])) == []


def test_postgraphile_is_asked_the_same_in_its_own_words():
    [of_a_town] = [question for question in QUESTIONS if question.row == ("AOI", 1)]
    asked = of_a_town.postgraphile
    assert asked["variables"] == {"key": "1"}
    assert " ".join(asked["query"].split()) == TOWN


def test_the_tables_of_the_benchmark_grow_in_the_present_schema(servers, clone_database):
    clone_database("bench_of_peers")
    with servers.connect("bench_of_peers") as connection:
        connection.execute(Path(__file__).with_name("rows.sql").read_text())
        indexes = connection.execute("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'").fetchone()
        for _ in range(2):
            connection.execute("SELECT bench.grow(2, 3, 4, 5, 6, 7, labels_each => 2)")
        assert connection.execute("SELECT count(*) FROM datasets").fetchone() == (6,)
        assert connection.execute("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'").fetchone() == indexes
