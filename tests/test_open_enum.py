"""Enums whose members are declared by domains: each is found by its value, and nothing else is."""

from enum import StrEnum

import pytest

from app.models.kinds import JobKind, NotificationKind
from app.models.kinds.mapping import MappingJob
from app.open_enum import OpenEnum


class Colour(StrEnum, metaclass=OpenEnum):
    """No member of its own."""


class Warm(Colour):
    """The members of one domain."""

    RED = "red"


class Cold(Colour):
    """Those of another one."""

    BLUE = "blue"


def test_members_of_all_domains_are_found_by_their_values():
    assert [Colour("red"), Colour("blue"), Colour(Cold.BLUE)] == [Warm.RED, Cold.BLUE, Cold.BLUE]
    assert (set(Colour), len(Colour)) == ({Warm.RED, Cold.BLUE}, 2)
    assert JobKind(MappingJob.TRAIN.value) is MappingJob.TRAIN
    assert all(JobKind(kind.value) is kind is JobKind(kind) for kind in JobKind)


@pytest.mark.parametrize("value", ["green", "RED", "", None, 1])
def test_what_no_domain_has_is_refused(value):
    with pytest.raises(ValueError, match="is no Colour"):
        Colour(value)


def test_a_kind_of_something_else_is_refused():
    with pytest.raises(ValueError, match="is no NotificationKind"):
        NotificationKind(MappingJob.TRAIN)
