"""The schema keeps the rules of tests/schema_lint.py, and the rules find what breaks them."""

import pytest
from graphql import build_schema

from schema import schema
from tests import schema_lint

# An AIProviderConnection is a connection to an AI Manager.
NOT_LISTS = frozenset({"AIProviderConnection"})
# Rows of several types are called so: credits and log entries, lines of two tables, posts and those that were found.
COMMON_NOUNS = frozenset({"entries", "lines", "posts", "features"})

GOOD = '''
"""A directive."""
directive @marked on FIELD

"""The root."""
type Query {
  """Cats."""
  cats(
    """How many."""
    first: Int
    """Behind."""
    after: String
    """How many from the end."""
    last: Int
    """Ahead."""
    before: String
    """The name."""
    name: String @deprecated(reason: "Use `first` instead. It will be removed in the next release.")
  ): CatConnection!
  """The cat that has been here for longest."""
  oldest(
    """Only a cat of this colour."""
    colour: Colour
  ): Cat
}

"""Cats."""
type CatConnection {
  """Edges."""
  edges: [CatEdge!]!
  """Nodes."""
  nodes: [Cat!]!
  """The page."""
  pageInfo: PageInfo!
  """All."""
  totalCount: Int!
}

"""An edge."""
type CatEdge {
  """The cat."""
  node: Cat!
}

"""A cat."""
type Cat {
  """Its colour."""
  colour: Colour
}

"""A page."""
type PageInfo {
  """More."""
  hasNextPage: Boolean!
  """Less."""
  hasPreviousPage: Boolean!
  """First."""
  startCursor: String
  """Last."""
  endCursor: String
}

"""A colour."""
enum Colour {
  """Red."""
  RED
}

"""A moment."""
scalar Moment @specifiedBy(url: "https://example.org")

"""A filter."""
input CatFilter {
  """The name."""
  name: String
}
'''


def test_the_schema_keeps_the_rules():
    assert schema_lint.problems(schema._schema, not_lists=NOT_LISTS, common_nouns=COMMON_NOUNS) == []


def test_a_good_schema_breaks_no_rule():
    assert schema_lint.problems(build_schema(GOOD)) == []


@pytest.mark.parametrize(
    ("given", "instead", "where"),
    [
        ('"""A directive."""', "", "@marked"),
        ('"""A cat."""', "", "Cat"),
        ('"""Its colour."""', "", "Cat.colour"),
        ('"""How many."""', "", "Query.cats(first:)"),
        ('"""Red."""', "", "Colour.RED"),
        ('input CatFilter {\n  """The name."""', "input CatFilter {", "CatFilter.name"),
        ('"""A filter."""', "", "CatFilter"),
        ('"""A moment."""', "", "Moment"),
        ('"""A cat."""', '"""a cat."""', "Cat"),
        ('"""A cat."""', '"""A cat"""', "Cat"),
        (' @specifiedBy(url: "https://example.org")', "", "Moment"),
        ("Use `first` instead. It will be removed in the next release.", "Old.", "Query.cats(name:)"),
        ("Use `first` instead. It will be removed in the next release.", "Use `first` instead.", "Query.cats(name:)"),
        ('"""How many."""', '"""Only a cat of this colour."""', "Query.cats(first:), Query.oldest(colour:)"),
        ("colour: Colour\n}", "Colour: Colour\n}", "Cat.Colour"),
        ("colour: Colour\n}", "its_colour: Colour\n}", "Cat.its_colour"),
        ("name: String @", "Name: String @", "Query.cats(Name:)"),
        ("first: Int", "first: Int!", "Query.cats"),
        ('"""Ahead."""\n    before: String', "", "Query.cats"),
        ('"""Red."""\n  RED', '"""Red."""\n  red', "Colour.red"),
        ("input CatFilter", "input catFilter", "catFilter"),
        ("nodes: [Cat!]!", "nodes: [Cat]!", "CatConnection.nodes"),
        ("totalCount: Int!", "count: Int!", "CatConnection.totalCount"),
        ("pageInfo: PageInfo!", "pageInfo: PageInfo", "CatConnection.pageInfo"),
        ("endCursor: String\n", "endCursor: String!\n", "PageInfo"),
    ],
)
def test_what_breaks_a_rule_is_named(given, instead, where):
    assert GOOD.count(given) == 1
    [problem] = schema_lint.problems(build_schema(GOOD.replace(given, instead)))
    assert problem.startswith(f"{where}: ")
