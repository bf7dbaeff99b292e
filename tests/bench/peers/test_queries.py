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
