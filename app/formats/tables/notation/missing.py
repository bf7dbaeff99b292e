"""What stands for a missing value."""

ALWAYS = frozenset(
    {
        "",
        "NA",
        "N/A",
        "n/a",
        "?",
        "NaN",
        "nan",
        "NAN",
        "-nan",
        "+nan",
        "-NaN",
        "null",
        "NULL",
        "Null",
        "#N/A",
        "#NA",
        "<NA>",
        "NaT",
        "#DIV/0!",
        "#REF!",
        "#VALUE!",
        "#NUM!",
        "#NAME?",
        "#NULL!",
        "1.#QNAN",
        "-1.#IND",
        "1.#IND",
    }
)
# Words that may be labels, too: they are missing values among numbers, dates and times.
AMONG_NUMBERS = frozenset(
    {"none", "nil", "-", "--", "—", "–", ".", "..", "n.a.", "na", "missing", "unknown", "n. a."}
).union({f"{sign}{word}" for sign in ("", "-", "+") for word in ("nan", "#nan", "qnan", "snan", "nan(ind)", "1.#ind")})


def is_missing_among_numbers(text: str) -> bool:
    """Whether this is missing in a column of numbers, dates or times."""
    return text in ALWAYS or text.lower() in AMONG_NUMBERS
