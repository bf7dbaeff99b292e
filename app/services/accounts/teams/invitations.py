"""Team invitations: links with a limited number of uses and a limited lifetime."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from limits import RateLimitItemPerHour
from sqlalchemy import func, select

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Invalid, LimitReached, NotFound
from app.models.accounts import Team, TeamInvitation, TeamMembership
from app.policies import Viewer, signed_in, visible
from app.rates import Rates, Share
from app.security import credentials
from app.services.accounts.pages import page_url
from app.services.accounts.teams.memberships import team_to_change
from app.services.system import audit
from app.services.system.notifications import notify
from app.settings import settings


@dataclass(frozen=True)
class TeamInvitationLink:
    """An invitation with its token."""

    token: str
    invitation: TeamInvitation

    @property
    def url(self) -> str:
        """The address of the page to join at."""
        return page_url("join-team", self.token)


def limit_team_invitation(rates: Rates, viewer: Viewer) -> AbstractAsyncContextManager[None]:
    """A block that counts if it succeeds; refused if the viewer created or renewed too many links."""
    limit = RateLimitItemPerHour(settings.team_invitations_per_hour_max)
    return rates.spending(Share(limit, f"team-invitation:{signed_in(viewer)}", "You created too many invitations."))


def limit_team_acceptance(rates: Rates, viewer: Viewer, *, address: str) -> AbstractAsyncContextManager[None]:
    """A block that counts if it fails; refused after too many invalid tokens from one account or address."""
    limit = RateLimitItemPerHour(settings.team_acceptances_per_hour_max)
    payers = (f"account:{signed_in(viewer)}", f"address:{address}")
    what = "Too many invalid invitations were tried."
    return rates.trying(*(Share(limit, f"team-acceptance:{payer}", what) for payer in payers))


async def create_team_invitation(
    session: WriteSession, viewer: Viewer, *, team_id: int, expires_in_days: int, uses_max: int
) -> TeamInvitationLink:
    """A new link to a team of the viewer's."""
    team = await team_to_change(session, viewer, team_id)
    count = await session.scalar(select(func.count()).where(TeamInvitation.team_id == team.id))
    if (count or 0) >= settings.team_invitations_max:
        raise LimitReached(
            "This team has reached the limit for invitations. Revoke one first.", limit=settings.team_invitations_max
        )
    checks.within("usesMax", uses_max, 1, settings.team_invitation_uses_max)
    invitation_link = await _linked(
        session, viewer, TeamInvitation(team_id=team.id, uses_max=uses_max), expires_in_days
    )
    _note(session, viewer, "createTeamInvitation", team, invitation_link.invitation)
    return invitation_link


async def regenerate_team_invitation(
    session: WriteSession, viewer: Viewer, invitation_id: int, *, expires_in_days: int
) -> TeamInvitationLink:
    """Replaces an invitation's link with a new, unused one; the old link becomes invalid at once."""
    team, invitation = await _invitation_to_change(session, viewer, invitation_id)
    invitation_link = await _linked(session, viewer, invitation, expires_in_days)
    _note(session, viewer, "regenerateTeamInvitation", team, invitation)
    return invitation_link


def _note(session: WriteSession, viewer: Viewer, action: str, team: Team, invitation: TeamInvitation) -> None:
    """Records it in the team's audit log, which outlives its invitations."""
    audit.record(session, signed_in(viewer), action, about=team, invitation=invitation.id)


async def _linked(
    session: WriteSession, viewer: Viewer, invitation: TeamInvitation, expires_in_days: int
) -> TeamInvitationLink:
    checks.within("expiresInDays", expires_in_days, 1, settings.team_invitation_days_max)
    token = credentials.new_token()
    invitation.user_id, invitation.uses = signed_in(viewer), 0
    invitation.token_hash = credentials.token_hash(token)
    invitation.expires_at = datetime.now(UTC) + timedelta(days=expires_in_days)
    session.add(invitation)
    await session.flush()
    return TeamInvitationLink(token, invitation)


async def _invitation_to_change(
    session: ReadSession, viewer: Viewer, invitation_id: int
) -> tuple[Team, TeamInvitation]:
    """An invitation to a team that the viewer administers, and the team, both locked."""
    query = visible(TeamInvitation, viewer).where(TeamInvitation.id == invitation_id)
    team_id = await session.scalar(query.with_only_columns(TeamInvitation.team_id))
    if team_id is not None:
        # Teams are locked first everywhere; the invitation is read once nobody else can change it.
        team = await team_to_change(session, viewer, team_id)
        invitation = await session.scalar(query)
        if invitation is not None:
            return team, invitation
    raise NotFound("There is no such invitation.")


async def revoke_team_invitation(session: WriteSession, viewer: Viewer, invitation_id: int) -> Team:
    """Deletes the invitation; its link becomes invalid at once."""
    team, invitation = await _invitation_to_change(session, viewer, invitation_id)
    await session.delete(invitation)
    await session.flush()
    _note(session, viewer, "revokeTeamInvitation", team, invitation)
    return team


async def accept_team_invitation(session: WriteSession, viewer: Viewer, *, token: str) -> TeamMembership:
    """The viewer joins a team; its admin is notified. The token is the permission: they cannot see the team yet."""
    user_id = signed_in(viewer)
    team, invitation = await _invited_to(session, token)
    count = await session.scalar(select(func.count()).where(TeamMembership.team_id == team.id))
    if (count or 0) >= settings.team_members_max:
        raise LimitReached("This team has reached the limit for members.", limit=settings.team_members_max)
    membership = TeamMembership(team_id=team.id, user_id=user_id)
    session.add(membership)
    invitation.uses += 1
    await session.flush()
    _note(session, viewer, "acceptTeamInvitation", team, invitation)
    notify(session, team.admin_user_id, f"Somebody joined the team {team.name}.", about=team, actor_id=user_id)
    return membership


async def _invited_to(session: WriteSession, token: str) -> tuple[Team, TeamInvitation]:
    """The team of a token, locked, and its invitation, which is still valid."""
    by_token = TeamInvitation.token_hash == credentials.token_hash(token)
    invited = select(Team).join(TeamInvitation, TeamInvitation.team_id == Team.id).where(by_token)
    team = await session.scalar(invited.with_for_update(key_share=True, of=Team))
    # Read once the team is locked: another request may have used it up or renewed it.
    invitation = await session.scalar(select(TeamInvitation).where(by_token))
    if team is None or invitation is None:
        raise Invalid("token", "This invitation is not valid, or was revoked. Ask for a new link.")
    if invitation.expires_at <= datetime.now(UTC):
        raise Invalid("token", "This invitation has expired. Ask for a new link.")
    if invitation.uses >= invitation.uses_max:
        raise Invalid("token", "This invitation has reached its number of uses. Ask for a new link.")
    return team, invitation
