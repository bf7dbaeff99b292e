"""Who may see accounts, sessions and teams, and who may manage a team."""

from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, exists, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.models.accounts import (
    ApiKey,
    DataExport,
    OsmAccount,
    Profile,
    Session,
    Team,
    TeamInvitation,
    TeamMembership,
    User,
    UserPreferences,
)
from app.models.social import Block
from app.models.usernames import FormerUsername
from app.policies import AnyViewer, Viewer, is_viewer, names_viewer, reads

_BLOCK, _MEMBERSHIP, _TEAM = aliased(Block), aliased(TeamMembership), aliased(Team)


@reads(User)
def visible_users(viewer: AnyViewer) -> ColumnElement[bool]:
    """Active users, unless one of the two has blocked the other; staff and the user themselves see all."""
    if viewer.is_staff:
        return true()
    if not viewer.is_signed_in:
        return User.is_active.is_(True)
    return (User.is_active & ~is_blocked(viewer, User.id)) | names_viewer(viewer, User.id)


def is_by(viewer: AnyViewer, named: SQLColumnExpression[int | None], user_id: int) -> ColumnElement[bool]:
    """Whether a column refers to this user; never true for a user the viewer cannot see."""
    is_seen = select(User.id).where(User.id == user_id, visible_users(viewer)).correlate(None).exists()
    return (named == user_id) & is_seen


def is_blocked(viewer: AnyViewer, user_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Whether the viewer and the user in a column have blocked one another; false for anonymous viewers."""
    if not viewer.is_signed_in:
        return false()
    either = or_(
        names_viewer(viewer, _BLOCK.user_id) & (_BLOCK.blocked_id == user_id),
        (_BLOCK.user_id == user_id) & names_viewer(viewer, _BLOCK.blocked_id),
    )
    return exists().where(either).correlate_except(_BLOCK)


@reads(Profile)
def visible_profiles(viewer: AnyViewer) -> ColumnElement[bool]:
    """For viewers who see the user."""
    return true() if viewer.is_staff else Profile.user.has(visible_users(viewer))


@reads(OsmAccount)
def visible_osm_accounts(viewer: AnyViewer) -> ColumnElement[bool]:
    """For viewers who see the user."""
    return true() if viewer.is_staff else OsmAccount.user.has(visible_users(viewer))


@reads(UserPreferences)
def visible_preferences(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own; all for staff."""
    return true() if viewer.is_staff else names_viewer(viewer, UserPreferences.id)


@reads(Session)
def visible_sessions(viewer: AnyViewer) -> ColumnElement[bool]:
    """Only the viewer's own, even for staff, until they expire."""
    return names_viewer(viewer, Session.user_id) & (Session.expires_at > func.now())


@reads(ApiKey)
def visible_api_keys(viewer: AnyViewer) -> ColumnElement[bool]:
    """Only the viewer's own, even for staff."""
    return names_viewer(viewer, ApiKey.user_id)


@reads(DataExport)
def visible_data_exports(viewer: AnyViewer) -> ColumnElement[bool]:
    """Only the viewer's own, even for staff."""
    return names_viewer(viewer, DataExport.user_id)


@reads(FormerUsername)
def visible_former_usernames(viewer: AnyViewer) -> ColumnElement[bool]:
    """Not shown as rows: they only keep others from choosing them."""
    del viewer
    return false()


def may_see_private_details_of(viewer: Viewer, user: User) -> bool:
    """Email address, settings and the like."""
    return viewer.is_staff or is_viewer(viewer, user.id)


def may_look_through_accounts(viewer: Viewer, _: None) -> bool:
    """For staff; other viewers find accounts by id only."""
    return viewer.is_staff


def may_suspend_this_account(viewer: Viewer, user: User) -> bool:
    """For staff, except their own account; only super admins for accounts of staff."""
    return not is_viewer(viewer, user.id) and may_restore_this_account(viewer, user)


def may_restore_this_account(viewer: Viewer, user: User) -> bool:
    """For staff; only super admins for accounts of staff."""
    return viewer.is_staff and (viewer.is_super_admin or not user.is_staff)


def may_change_who_is_staff(viewer: Viewer, user: User) -> bool:
    """For super admins."""
    del user
    return viewer.is_super_admin


def belongs_to_team(viewer: AnyViewer, team_id: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Whether the viewer is a member of the team in a column: the basis of all team permissions."""
    if not viewer.is_signed_in:
        return false()
    own = exists().where(_MEMBERSHIP.team_id == team_id, names_viewer(viewer, _MEMBERSHIP.user_id))
    return own.correlate_except(_MEMBERSHIP)


@reads(Team)
def visible_teams(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members and staff."""
    return true() if viewer.is_staff else belongs_to_team(viewer, Team.id)


@reads(TeamMembership)
def visible_team_memberships(viewer: AnyViewer) -> ColumnElement[bool]:
    """For fellow members and staff, so viewers see only the teams they share with a user."""
    return true() if viewer.is_staff else belongs_to_team(viewer, TeamMembership.team_id)


@reads(TeamInvitation)
def visible_team_invitations(viewer: AnyViewer) -> ColumnElement[bool]:
    """For the team's admin and staff."""
    if viewer.is_staff:
        return true()
    if not viewer.is_signed_in:
        return false()
    own = exists().where(_TEAM.id == TeamInvitation.team_id, names_viewer(viewer, _TEAM.admin_user_id))
    return own.correlate_except(_TEAM)


def may_administer_this_team(viewer: Viewer, team: Team) -> bool:
    """For the team's admin and staff: name, invitations, removing members, transfer, deletion."""
    return viewer.is_staff or is_viewer(viewer, team.admin_user_id)
