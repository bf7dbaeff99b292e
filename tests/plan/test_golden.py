"""What plans look like: a change to them shows in the files beside the documents, and is looked at in a diff."""

import gc
import linecache
import re
import traceback
from pathlib import Path

import pytest
from graphql import VariableValues, get_operation_ast, parse

from resolvers.plan import Plans
from schema import schema
from tests.plan import goldens

ROOT = Path(__file__).parents[2]
DOCUMENTS = goldens.documents()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_a_plan_is_as_it_was(document):
    assert goldens.plan_of(document) == goldens.beside(document).read_text(), "`make plans`, and look at the diff"


def test_every_plan_has_its_document():
    assert sorted(goldens.FOLDER.glob("*.plan")) == [goldens.beside(document) for document in DOCUMENTS]


def level_below_the_root(document):
    node = parse(document)
    plan = Plans(schema).of(node, get_operation_ast(node))
    [level] = plan._root(VariableValues({}, {})).children.values()
    return level


def test_the_documentation_shows_what_is_written():
    document = (goldens.FOLDER / "documentation.graphql").read_text().strip()
    pages = [ROOT / "README.md", *(ROOT / "app/web").rglob("*.md")]
    [page] = [text for page in pages if document in (text := page.read_text())]
    assert level_below_the_root(document).program.source.strip() in page
    assert goldens.beside(goldens.FOLDER / "documentation.graphql").read_text().strip() in page


def test_a_traceback_shows_the_line_of_a_view_that_failed():
    [view] = level_below_the_root("{ datasets { nodes { name offset } } }").program.views
    with pytest.raises(ValueError, match="number") as failure:
        view([(0, "Village", [float("nan")])], None)
    lines = traceback.format_exception(failure.value)
    assert any(re.search(r"<plan \d+: datasets>.*\n +'offset': finites\(c1\),", line) for line in lines)


def test_the_source_of_a_plan_goes_with_the_plan():
    level = level_below_the_root("{ datasets { nodes { name } } }")
    [view] = level.program.views
    file = view.__code__.co_filename
    assert linecache.getlines(file)
    linecache.checkcache()
    assert linecache.getlines(file)
    del level, view
    gc.collect()
    assert not linecache.getlines(file)


def test_names_of_a_document_cannot_leave_their_quotes():
    level = level_below_the_root("{ datasets { nodes { __import__: name __class__: __typename } } }")
    [view] = level.program.views
    assert view([(0, "Village")], None) == {0: [{"__import__": "Village", "__class__": "Dataset"}]}
