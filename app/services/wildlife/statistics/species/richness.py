"""How many species there are, and how many there may be: estimators and accumulation, as formulas over counts."""

from collections.abc import Sequence
from math import comb


def chao1(counts: Sequence[int]) -> float:
    """Estimated species by abundance: S + f1 (f1 - 1) / (2 (f2 + 1)), of f1 species seen once and f2 seen twice."""
    once, twice = (sum(count == times for count in counts) for times in (1, 2))
    return sum(count > 0 for count in counts) + once * (once - 1) / (2 * (twice + 1))


def chao2(incidences: Sequence[int], samples: int) -> float:
    """Estimated species by incidence in m samples: S + (m - 1) / m × q1 (q1 - 1) / (2 (q2 + 1))."""
    if samples == 0:
        return 0.0
    once, twice = (sum(occasions == times for occasions in incidences) for times in (1, 2))
    seen = sum(occasions > 0 for occasions in incidences)
    return seen + (samples - 1) / samples * once * (once - 1) / (2 * (twice + 1))


def expected(incidences: Sequence[int], samples: int, drawn: int) -> float:
    """Species expected in some of the samples, whichever they are: S - Σ C(m - n, t) / C(m, t) (Mao Tau)."""
    every = comb(samples, drawn)
    return sum(1 - comb(samples - occasions, drawn) / every for occasions in incidences if occasions > 0)


def rarefaction(incidences: Sequence[int], samples: int, points_max: int) -> list[tuple[int, float]]:
    """The expected species for a growing number of samples, in at most so many points."""
    if samples == 0:
        return []
    step = max(1, -(-samples // points_max))
    drawn = [*range(1, samples, step), samples]
    return [(number, expected(incidences, samples, number)) for number in drawn]
