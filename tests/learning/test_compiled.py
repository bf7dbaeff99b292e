"""What is kept of compiled programs has a limit."""

import os

import pytest

from app.learning.compiled import make_way


@pytest.mark.parametrize(("bytes_max", "kept"), [(30, {"a", "b", "c"}), (29, {"b", "c"}), (10, {"c"}), (0, set())])
def test_the_oldest_makes_way(tmp_path, bytes_max, kept):
    for age, name in enumerate("cba"):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (1_000 - age, 1_000 - age))
    make_way(tmp_path, bytes_max)
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_before_the_first_task_there_is_nothing_to_remove(tmp_path):
    make_way(tmp_path / "compiled", 0)
    assert list(tmp_path.iterdir()) == []
