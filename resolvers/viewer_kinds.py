"""Kinds of viewers: a statement holds for one of them.

Their rights (`is_staff`, signed in or not) are compiled in, and the ids that say who it is are bound when it runs.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger

from app.models.choices import Scope
from app.policies import SQLId, SQLViewer, Viewer
from app.postgres.prepared import Bound, parameter

VIEWER_IDS = ("user_id", "session_id", "key_id")
VIEWERS_MAX = 1_000


class ViewerKind:
    """Viewers whom the same statements serve; there is one object for each kind."""

    def __init__(self, viewer: SQLViewer) -> None:
        self.viewer = viewer
        """Any of them: with their rights, and bound parameters in place of ids."""


_kinds: dict[tuple[Any, ...], ViewerKind] = {}


def kind_of(viewer: Viewer) -> tuple[ViewerKind, Bound]:
    """A viewer's kind, and what their statements bind: their ids by the names of their parameters."""
    return _kind_of(viewer, viewer.scopes, viewer.is_super_admin)


@lru_cache(maxsize=VIEWERS_MAX)
def _kind_of(viewer: Viewer, scopes: frozenset[Scope], is_super_admin: bool) -> tuple[ViewerKind, Bound]:
    # Viewers are equal whatever their scopes are, and super admins or not: so both are part of the key.
    ids = {name: id for name in VIEWER_IDS if (id := getattr(viewer, name)) is not None}
    key = (viewer.is_staff, is_super_admin, scopes, *ids)
    if key not in _kinds:
        user_id, session_id, key_id = (_viewer_id(name) if name in ids else None for name in VIEWER_IDS)
        _kinds[key] = ViewerKind(SQLViewer(user_id, viewer.is_staff, session_id, key_id, scopes, is_super_admin))
    return _kinds[key], {f"viewer_{name}": b"%d" % id for name, id in ids.items()}


def _viewer_id(name: str) -> SQLId:
    return SQLId(parameter(f"viewer_{name}", BigInteger()))
