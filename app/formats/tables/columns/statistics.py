"""What is seen of a column while its values go by, in memory that does not grow with their number."""

import ast
import re
from collections import Counter
from collections.abc import Sequence

import orjson

from app.formats.tables.notation import dates, missing, numbers
from app.formats.tables.notation.languages import language

DISTINCT_MAX = 1_000
# As many distinct values are kept to see whether all are different.
DIFFERENT_MAX = 20_000
EXAMPLES = 5
EXAMPLE_LENGTH_MAX = 120
LANGUAGE_SAMPLES = 200
LANGUAGE_SAMPLES_OF_PIECE = 10
COUNTING_SHARE_MIN = 0.9
REMEMBERED = 20_000
WORD_LENGTH_MAX = 12
JSON_LENGTH_MAX = 100_000

# As what a text may be read, as bits: an intersection over all values is what the column is.
# The lowest are those of `numbers.fit`.
POINT, COMMA, EITHER_WAY = numbers.POINT, numbers.COMMA_SIGN, numbers.EITHER_WAY
LEADING_ZERO, TRUTH = numbers.LEADING_ZERO, numbers.TRUTH_VALUE
# Neither a whole number nor a word is a date.
DATED = re.compile(r"\d[-/.: ]|[A-Za-z][-. ]{1,2}\d|\d ?[AaPp]", re.ASCII)
CLOCK = 1 << 8
DATE_SHIFT = 9
MOMENT_SHIFT = 12
NESTED = 1 << 15
AMONG_NUMBERS = 1 << 16
INFINITE = 1 << 17
WHOLE = 1 << 18


def kinds(text: str) -> int:
    """As what a text may be read."""
    known = numbers.fit(text)
    if known:
        if numbers.is_infinite(text):
            return INFINITE
        # A number is no date in any column that is read as one, so most cells end here.
        return known | WHOLE if text.lstrip("+-").isdigit() else known
    if len(text) <= WORD_LENGTH_MAX:
        if text.lower() in missing.AMONG_NUMBERS:
            return AMONG_NUMBERS
        if numbers.is_infinite(text):
            return INFINITE
    if DATED.search(text):
        if dates.clock(text):
            known |= CLOCK
        known |= dates.orders(text) << DATE_SHIFT
        known |= dates.moment_orders(text) << MOMENT_SHIFT
    return known | NESTED if _is_nested(text) else known


def _is_nested(text: str) -> bool:
    head = text[:5]
    return ("[" in head or "{" in head) and len(text) <= JSON_LENGTH_MAX and nested(text) is not None


def nested(text: str) -> object | None:
    """A JSON object or list, or one as Python writes it; None if it is neither."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return None
    return value if isinstance(value, dict | list) else None


class Statistics:
    """One column, value by value."""

    def __init__(self) -> None:
        self.rows = 0
        self.missing = 0
        # How often which readings were possible.
        self.kinds: Counter[int] = Counter()
        self.distinct: set[str] = set()
        self.has_many = False
        self.longest = 0
        self.examples: dict[str, None] = {}
        self.languages: list[bool] = []
        self.all_different = True
        self.steps = 0
        self.samples: dict[int, str] = {}
        self.first_missing: int | None = None
        self.last_present: int | None = None
        self._different: set[int] = set()
        self._next = -1
        self._memory: dict[str, int] = {}

    def take(self, values: Sequence[str]) -> None:
        """The next values of the column, without space around them."""
        counts = Counter(values)
        absent = [each for each in counts if each in missing.ALWAYS]
        self.missing += sum(counts.pop(each) for each in absent)
        self._note_block(values, has_missing=bool(absent), has_values=bool(counts))
        self.rows += len(values)
        if len(self._memory) > REMEMBERED:
            self._memory.clear()
        for text, count in counts.items():
            self.kinds[self._kinds(text)] += count
        if counts:
            self.longest = max(self.longest, *map(len, counts))
        self._note_distinct(counts)
        self._note_different(values, counts)
        if len(self.languages) < LANGUAGE_SAMPLES and self.longest > 3:
            texts = [each for each in counts if len(each) > 3][:LANGUAGE_SAMPLES_OF_PIECE]
            self.languages += [language(each) is not None for each in texts]

    def _kinds(self, text: str) -> int:
        known = self._memory.get(text)
        if known is None:
            known = self._memory[text] = kinds(text)
        return known

    def _note_block(self, values: Sequence[str], *, has_missing: bool, has_values: bool) -> None:
        if has_missing and self.first_missing is None:
            at = next(at for at, each in enumerate(values) if each in missing.ALWAYS)
            self.first_missing = self.rows + at
        if has_values:
            at = next(at for at in range(len(values) - 1, -1, -1) if values[at] not in missing.ALWAYS)
            self.last_present = self.rows + at

    def _note_distinct(self, counts: Counter[str]) -> None:
        for text in counts:
            if len(self.examples) >= EXAMPLES:
                break
            self.examples.setdefault(text[:EXAMPLE_LENGTH_MAX])
        if not self.has_many:
            self.distinct.update(counts)
            self.has_many = len(self.distinct) > DISTINCT_MAX
            if self.has_many:
                self.distinct.clear()

    def _note_different(self, values: Sequence[str], counts: Counter[str]) -> None:
        if self.all_different:
            self.all_different = len(counts) == counts.total()
            if self.all_different and len(self._different) < DIFFERENT_MAX:
                hashes = set(map(hash, counts))
                self.all_different = not self._different & hashes
                self._different |= hashes
        if self.all_different:
            self._note_counting(values)
        else:
            self._different.clear()

    def _note_counting(self, values: Sequence[str]) -> None:
        for text in values:
            number = int(text) if text.isdecimal() and len(text) < 18 else None
            if self.steps and number == self._next:
                self.steps += 1
            elif not self.steps and number in {0, 1}:
                self.steps = 1
            self._next = -1 if number is None else number + 1

    @property
    def counts_up(self) -> bool:
        """Whether these are the numbers of rows, or were until somebody sorted some of them."""
        return self.steps >= COUNTING_SHARE_MIN * self.rows

    @property
    def present(self) -> int:
        """How many values there are."""
        return self.rows - self.missing

    def common(self, *, lenient: bool) -> int:
        """As what all values may be read. Lenient: words for missing values and infinite numbers are passed over."""
        passed = AMONG_NUMBERS | INFINITE if lenient else 0
        shared = -1
        for each in self.kinds:
            if not each & passed:
                shared &= each
        return 0 if shared == -1 else shared

    def count(self, kind: int) -> int:
        """How many values may be read as this."""
        return sum(count for each, count in self.kinds.items() if each & kind)

    def any(self, kind: int) -> bool:
        """Whether some value may be read as this."""
        return any(each & kind for each in self.kinds)
