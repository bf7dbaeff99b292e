"""Rate limits of the viewer."""

from app.telemetry.metering import Standing, current


def rate_limit() -> Standing:
    """The current rate limit of the account or, without sign-in, of the IP address.

    The HTTP headers `RateLimit` and `RateLimit-Policy`, and `extensions.cost`, contain the same figures.
    """
    work = current.get()
    if work is None or work.standing is None:
        return Standing("address", 0, 0, 0)
    return work.standing()
