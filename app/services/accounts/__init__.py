"""People: signing up, in and out, and the teams they form."""

from app.services.accounts.addresses import request_email_verification, verify_email
from app.services.accounts.invitations import (
    TeamInvitationLink,
    accept_team_invitation,
    create_team_invitation,
    pace_team_acceptance,
    pace_team_invitation,
    regenerate_team_invitation,
    revoke_team_invitation,
)
from app.services.accounts.keys import (
    ApiKeySecret,
    create_api_key,
    pace_api_key,
    rename_api_key,
    revoke_api_key,
)
from app.services.accounts.mails import MailRequested
from app.services.accounts.pace import (
    pace_email_verification,
    pace_email_verification_request,
    pace_password_change,
    pace_password_reset,
    pace_password_reset_request,
    pace_sign_in,
    pace_sign_up,
    pace_sign_up_request,
)
from app.services.accounts.passwords import (
    change_password,
    new_password_hash,
    old_password_hash,
    request_password_reset,
    reset_password,
)
from app.services.accounts.proofs import Proof, Purpose, proof_in
from app.services.accounts.sessions import (
    Device,
    SignedIn,
    end_sessions,
    open_session,
    revoke_session,
    revoke_sessions,
    sign_in,
    sign_out,
    user_by_password,
    viewer_of,
)
from app.services.accounts.sign_ups import create_account, request_sign_up, sign_up
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
    "ApiKeySecret",
    "Device",
    "MailRequested",
    "Proof",
    "Purpose",
    "SignedIn",
    "TeamInvitationLink",
    "UserStatistics",
    "accept_team_invitation",
    "change_password",
    "change_staff",
    "create_account",
    "create_api_key",
    "create_team",
    "create_team_invitation",
    "delete_team",
    "end_sessions",
    "leave_team",
    "new_password_hash",
    "old_password_hash",
    "open_session",
    "pace_api_key",
    "pace_email_verification",
    "pace_email_verification_request",
    "pace_password_change",
    "pace_password_reset",
    "pace_password_reset_request",
    "pace_sign_in",
    "pace_sign_up",
    "pace_sign_up_request",
    "pace_team_acceptance",
    "pace_team_invitation",
    "proof_in",
    "regenerate_team_invitation",
    "remove_team_member",
    "rename_api_key",
    "rename_team",
    "request_email_verification",
    "request_password_reset",
    "request_sign_up",
    "reset_password",
    "restore_user",
    "revoke_api_key",
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
    "verify_email",
    "viewer_of",
]
