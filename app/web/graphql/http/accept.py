"""Which of our media types a client would rather have."""

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
EVENTS = "text/event-stream"
HTML = "text/html"

_MEANT = {JSON: JSON, RESPONSE: RESPONSE, EVENTS: EVENTS, HTML: HTML, "*/*": JSON, "application/*": JSON}


def choices(accept: str | None) -> list[str]:
    """The media types we have that the header takes, best first: by quality, then in the order written."""
    if not accept or not accept.strip():
        return [JSON]
    ranked = []
    for entry in accept.split(","):
        media_range, *options = (part.strip().lower() for part in entry.split(";"))
        quality = _quality(options)
        if media_range in _MEANT and quality > 0:
            ranked.append((quality, _MEANT[media_range]))
    ranked.sort(key=lambda choice: -choice[0])
    return list(dict.fromkeys(media_type for _, media_type in ranked))


def _quality(options: list[str]) -> float:
    for option in options:
        if option.startswith("q="):
            try:
                return float(option.removeprefix("q="))
            except ValueError:
                return 0
    return 1
