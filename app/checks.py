"""Rules for single values; what does not hold raises Invalid."""

from email_validator import EmailNotValidError, validate_email

from app.errors import Invalid


def text(field: str, value: str, *, length_max: int, length_min: int = 1) -> str:
    """The value without surrounding space, if its length is within bounds and it has no control characters."""
    trimmed = value.strip()
    if not length_min <= len(trimmed) <= length_max:
        raise Invalid(field, f"Write {length_min} to {length_max} characters; these are {len(trimmed)}.")
    if any(ord(character) < 32 and character not in "\n\t" for character in trimmed):
        raise Invalid(field, "Leave out control characters.")
    return trimmed


def optional_text(field: str, value: str | None, *, length_max: int) -> str | None:
    """Like `text`, with nothing for blank."""
    return text(field, value, length_max=length_max) if value and value.strip() else None


def within(field: str, value: float, low: float, high: float) -> float:
    """The value, if it is a number from low to high."""
    if not low <= value <= high:  # also refuses NaN
        raise Invalid(field, f"Choose a number from {low:g} to {high:g}; this is {value:g}.")
    return value


def email(field: str, value: str) -> str:
    """The address in its normal form; whether mail arrives there is not asked."""
    try:
        return validate_email(value, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise Invalid(field, str(error)) from None
