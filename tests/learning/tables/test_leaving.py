"""Steps of a training that cannot be interrupted are left behind."""

from threading import Event

import pytest

from app.learning.tables.budgets.leaving import unless_stopped


def test_a_step_gives_what_it_gives():
    assert unless_stopped(lambda: 7, lambda: False) == 7


def test_a_fault_is_raised_where_it_is_waited_for():
    with pytest.raises(ZeroDivisionError):
        unless_stopped(lambda: 1 // 0, lambda: False)


def test_a_step_that_does_not_notice_is_left_behind():
    never, ended = Event(), Event()
    try:
        asked = iter([False])
        assert unless_stopped(lambda: never.wait() and ended.set(), lambda: next(asked, True)) is None
        assert not ended.is_set()
    finally:
        never.set()


def test_a_step_that_is_to_stop_already_does_not_begin():
    begun = Event()
    assert unless_stopped(begun.set, lambda: True) is None
    assert not begun.is_set()


def test_a_step_that_notices_gives_what_it_has():
    stop = Event()

    def step():
        stop.set()
        return "half"

    assert unless_stopped(step, stop.is_set) == "half"
