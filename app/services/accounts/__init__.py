"""People: signing up, in and out, and the teams they form."""

from app.services.accounts.invitations import (
    TeamInvitationLink,
    accept_team_invitation,
    create_team_invitation,
    pace_team_acceptance,
    pace_team_invitation,
    regenerate_team_invitation,
    revoke_team_invitation,
)
from app.services.accounts.sessions import (
    Device,
    SignedIn,
    new_password_hash,
    pace_sign_in,
    pace_sign_up,
    revoke_session,
    revoke_sessions,
    sign_in,
    sign_out,
    sign_up,
    user_by_password,
    viewer_of,
)
from app.services.accounts.staff import change_staff, restore_user, suspend_user
from app.services.accounts.statistics import UserStatistics, statistics_of
from app.services.accounts.teams import (
    create_team,
    delete_team,
    leave_team,
    remove_team_member,
    rename_team,
    transfer_team,
)

__all__ = [
    "Device",
    "SignedIn",
    "TeamInvitationLink",
    "UserStatistics",
    "accept_team_invitation",
    "change_staff",
    "create_team",
    "create_team_invitation",
    "delete_team",
    "leave_team",
    "new_password_hash",
    "pace_sign_in",
    "pace_sign_up",
    "pace_team_acceptance",
    "pace_team_invitation",
    "regenerate_team_invitation",
    "remove_team_member",
    "rename_team",
    "restore_user",
    "revoke_session",
    "revoke_sessions",
    "revoke_team_invitation",
    "sign_in",
    "sign_out",
    "sign_up",
    "statistics_of",
    "suspend_user",
    "transfer_team",
    "user_by_password",
    "viewer_of",
]
