"""What the tests rest upon: a change is noticed where none may be, and the longest files begin first."""

from itertools import pairwise
from pathlib import Path

import absl.logging
import pytest

from tests import factories
from tests.longest_first import FILES, place


async def test_a_change_where_none_may_be_is_noticed(database, owner, unchanged):
    async with unchanged():
        pass
    with pytest.raises(AssertionError):
        async with unchanged():
            await factories.dataset(database, owner.id)
    async with unchanged():  # from now on this is how things were
        pass


async def test_only_what_was_written_is_looked_for_anew(database, owner, table_rows):
    before = table_rows()
    looks = [before, *(table_rows() for _ in range(5))]
    # The database writes by itself now and then.
    assert any(one is next_one for one, next_one in pairwise(looks))
    await factories.dataset(database, owner.id)
    after = table_rows()
    assert {name for name in after if after[name] != before[name]} >= {"datasets"}


def test_the_longest_files_are_there_and_begin_in_this_order(request):
    assert [name for name in FILES if not (request.config.rootpath / name).is_file()] == []
    assert sorted(["tests/test_house.py", *reversed(FILES)], key=place) == [*FILES, "tests/test_house.py"]
    places = [place(item.path.relative_to(Path(request.config.rootpath)).as_posix()) for item in request.session.items]
    assert places == sorted(places)


@pytest.mark.usefixtures("capsys")
def test_nobody_closes_what_is_captured():
    handler = absl.logging.PythonHandler(absl.logging.get_absl_handler().python_handler.stream)
    handler.close()
    assert not handler.stream.closed
