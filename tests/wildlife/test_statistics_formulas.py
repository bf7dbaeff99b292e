"""The formulas of figures, without a database: effort, histories, richness, activity, the sun."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import pi
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.services.wildlife.statistics import effort, histories
from app.services.wildlife.statistics.choices import EffortMethod, OccasionStart, Station
from app.services.wildlife.statistics.effort import Operation, Period
from app.services.wildlife.statistics.species import richness
from app.services.wildlife.statistics.time_of_day import circular, sun
from tests.fuzz import examples

BERLIN = ZoneInfo("Europe/Berlin")
DAY = 86_400


def operation(start: datetime, end: datetime, **fields) -> Operation:
    return Operation(1, 1, "d", "l", fields.pop("zone", UTC), start, end, **fields)


def at(text: str, zone=UTC) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


# camtrapR's sample, by the dates that its documentation prints.
CAMTRAPR = {
    "StationA": operation(at("2009-04-02"), at("2009-05-14")),
    "StationB": operation(at("2009-04-03"), at("2009-05-16")),
    "StationC": operation(at("2009-04-04"), at("2009-05-17")),
}
FAILURE = at("2009-05-12"), at("2009-05-17")


def days(operation: Operation, method: EffortMethod) -> float:
    return effort.seconds(effort.periods(operation, method)) / DAY


def test_effort_noon_to_noon_as_camtrapr_counts_it():
    found = [days(each, EffortMethod.NOON_TO_NOON) for each in CAMTRAPR.values()]
    assert found == [42, 43, 43]
    failed = operation(CAMTRAPR["StationC"].start, CAMTRAPR["StationC"].end, failures=[FAILURE])
    assert 42 + 43 + days(failed, EffortMethod.NOON_TO_NOON) == 122.5


def test_a_history_of_seven_days_has_the_effort_that_camtrapr_prints():
    stations = [
        histories.Watched(
            Station.LOCATION,
            number,
            name,
            each.start.date(),
            each.end.date(),
            effort.by_date(each, EffortMethod.NOON_TO_NOON),
        )
        for number, (name, each) in enumerate(CAMTRAPR.items())
    ]
    seen = {0: {date(2009, 4, 8), date(2009, 5, 13)}, 1: {date(2009, 6, 1)}}
    found = histories.history(stations, seen, occasion_days=7, start=OccasionStart.STATION, effort_days_min=0)
    first, second, _ = found.stations
    assert first.effort_days == [6.5, 7, 7, 7, 7, 7, 0.5]
    assert first.detections == [1, 0, 0, 0, 0, 1, 0]
    assert second.detections == [0] * 7
    assert found.unwatched_dates == 1
    together = histories.history(stations, {}, occasion_days=7, start=OccasionStart.SURVEY, effort_days_min=1)
    assert together.stations[0].detections == [0, 0, 0, 0, 0, 0, None]
    assert together.stations[2].effort_days[0] == 4.5


def test_an_occasion_that_nobody_watched_is_unknown_and_not_zero():
    failed = operation(at("2026-05-01"), at("2026-05-29"), failures=[(at("2026-05-08"), at("2026-05-15"))])
    station = histories.Watched(
        Station.LOCATION, 1, "x", date(2026, 5, 1), date(2026, 5, 28), effort.by_date(failed, EffortMethod.EXACT)
    )
    found = histories.history([station], {}, occasion_days=7, start=OccasionStart.STATION, effort_days_min=0)
    assert found.stations[0].detections == [0, None, 0, 0]
    assert found.stations[0].effort_days == [7, None, 7, 7]


def test_exact_effort_counts_seconds_also_where_the_clock_is_changed():
    spring = operation(at("2026-03-28T12:00", BERLIN), at("2026-03-30T12:00", BERLIN), zone=BERLIN)
    assert days(spring, EffortMethod.EXACT) * 24 == 47
    assert days(spring, EffortMethod.NOON_TO_NOON) == 2
    assert sum(effort.by_date(spring, EffortMethod.EXACT).values()) * 24 == pytest.approx(47)


def test_days_by_files_count_both_ends_and_nothing_without_files():
    watched = operation(at("2026-05-01"), at("2026-06-01"), files=(at("2026-05-03T23:59"), at("2026-05-05T00:01")))
    assert days(watched, EffortMethod.DAYS_BY_FILES) == 3
    assert days(operation(at("2026-05-01"), at("2026-06-01")), EffortMethod.DAYS_BY_FILES) == 0


instants = st.integers(0, 1_000_000).map(lambda second: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second))
intervals: st.SearchStrategy[Period] = st.tuples(instants, instants).map(lambda pair: (min(pair), max(pair)))


@pytest.mark.fuzz
@given(intervals, st.lists(intervals, max_size=5))
@settings(**examples(100))
def test_effort_is_what_lies_in_the_deployment_and_in_no_failure(whole: Period, failures: list[Period]):
    """Seconds counted one by one, in steps that divide all of them."""
    left = effort.without([whole], failures)
    edges = sorted({edge for period in (whole, *failures) for edge in period})
    wanted = timedelta()
    for start, end in pairwise(edges):
        inside = whole[0] <= start and end <= whole[1]
        if inside and not any(before <= start and end <= after for before, after in failures):
            wanted += end - start
    assert effort.seconds(left) == wanted.total_seconds()
    dated = effort.by_date(operation(*whole, failures=failures, zone=BERLIN), EffortMethod.EXACT)
    assert sum(dated.values()) * DAY == pytest.approx(wanted.total_seconds(), abs=1e-3)


def test_estimators_of_richness():
    assert richness.chao1([1, 1, 1, 2, 5]) == 5 + 3 * 2 / (2 * 2)
    assert richness.chao1([4, 5]) == 2
    assert richness.chao2([1, 1, 2, 3], 3) == pytest.approx(4 + 2 / 3 * 2 / 4)
    assert richness.chao2([], 0) == 0


def test_accumulation_is_the_mean_over_all_orders_of_the_samples():
    """Three samples: {a}, {a, b}, {c}. One of them has on average 4/3 species, two have 7/3."""
    incidences = [2, 1, 1]
    assert richness.rarefaction(incidences, 3, 100) == [
        (1, pytest.approx(4 / 3)),
        (2, pytest.approx(7 / 3)),
        (3, pytest.approx(3)),
    ]
    assert richness.rarefaction([], 0, 10) == []
    assert len(richness.rarefaction([3, 50], 1_000, 100)) <= 101


def test_activity_round_midnight_has_its_mean_at_midnight():
    found = circular.activity([23 * 3_600, 3_600], 10)
    assert found.mean_hour == pytest.approx(0, abs=1e-9) or found.mean_hour == pytest.approx(24)
    assert found.concentration == pytest.approx(0.965926, abs=1e-6)
    assert found.radians == [pytest.approx(2 * pi * 23 / 24, abs=1e-6), pytest.approx(2 * pi / 24, abs=1e-6)]
    assert [hour for hour, count in enumerate(found.hours) if count] == [1, 23]


def test_activity_without_a_direction_has_no_mean():
    assert circular.activity([0, 43_200], 10).mean_hour is None
    assert circular.activity([], 10) == circular.Activity(0, [0] * 24, None, None, [])


def test_the_sun_stands_where_almanacs_have_it():
    found = sun.days()
    assert found.equation_of_time_min[41] == pytest.approx(-14.2, abs=0.1), "11 February"
    assert found.equation_of_time_min[306] == pytest.approx(16.45, abs=0.1), "3 November"
    assert found.declination_degrees[171] == pytest.approx(23.44, abs=0.01), "the June solstice"
    assert found.declination_degrees[354] == pytest.approx(-23.43, abs=0.02), "the December solstice"
