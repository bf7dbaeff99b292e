"""Where the pages about accounts are: those of the front end, or our own."""

from app.settings import settings


def page_url(name: str, token: str | None = None) -> str:
    """The address of a page. A token stands behind the `#`, which is sent to no server."""
    page = f"{settings.app_url or f'{settings.address}/account'}/{name}"
    return page if token is None else f"{page}#token={token}"
