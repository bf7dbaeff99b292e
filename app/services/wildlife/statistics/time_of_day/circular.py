"""Activity over the day, as angles: midnight is 0, noon is π."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, hypot, pi, sin

DAY_S = 86_400
HOURS = 24


@dataclass(frozen=True)
class Activity:
    """When records were made: counts by hour, the mean time, and how closely the records lie round it."""

    count: int
    hours: Sequence[int]
    # From 0 to 24; None if there is none, or if they have no direction.
    mean_hour: float | None
    # From 0 (spread over the whole day) to 1 (all at the same time).
    concentration: float | None
    radians: Sequence[float]


def activity(seconds_of_day: Sequence[float], times_max: int) -> Activity:
    """What times of day have in common."""
    angles = [2 * pi * (second % DAY_S) / DAY_S for second in seconds_of_day]
    hours = [0] * HOURS
    for second in seconds_of_day:
        hours[int(second % DAY_S // 3_600)] += 1
    if not angles:
        return Activity(0, hours, None, None, [])
    east, north = sum(map(sin, angles)) / len(angles), sum(map(cos, angles)) / len(angles)
    length = hypot(east, north)
    mean = None if length < 1e-9 else atan2(east, north) % (2 * pi) * HOURS / (2 * pi)
    return Activity(len(angles), hours, mean, length, [round(angle, 6) for angle in angles[:times_max]])
