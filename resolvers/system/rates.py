"""What the viewer may still spend."""

from app.metering import Standing, current


def rate_limit() -> Standing:
    """What whoever asks may still spend: their account, or without one their network address.

    The headers `RateLimit` and `RateLimit-Policy` of HTTP answers, and `extensions.cost`, say the same.
    """
    work = current.get()
    if work is None or work.standing is None:
        return Standing("address", 0, 0, 0)
    return work.standing()
