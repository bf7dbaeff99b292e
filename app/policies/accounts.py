"""Who sees accounts and sessions."""

from sqlalchemy import ColumnElement, false, true

from app.models import Session, User
from app.policies import Viewer, reads


@reads(User)
def visible_users(viewer: Viewer) -> ColumnElement[bool]:
    """Everybody sees who is active; staff and oneself see the suspended, too."""
    return true() if viewer.is_staff else User.is_active | (User.id == viewer.user_id)


@reads(Session)
def visible_sessions(viewer: Viewer) -> ColumnElement[bool]:
    """One's own only, whoever one is."""
    return false() if viewer.user_id is None else Session.user_id == viewer.user_id


def may_see_private_details_of(viewer: Viewer, user: User) -> bool:
    """E-mail address, settings and the like."""
    return viewer.is_staff or (viewer.user_id is not None and viewer.user_id == user.id)
