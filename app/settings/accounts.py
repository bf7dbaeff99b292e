"""Accounts, sign-ins, API keys, profiles and teams."""

from pydantic import BaseModel, Field, SecretStr

from app.settings.kinds import BYTES_MAX, Bytes, Count, Days, Duration, Listed, Pause, WholeDuration
from app.settings.units import MIB


class AccountsSettings(BaseModel):
    """Accounts, sign-ins, API keys, profiles and teams."""

    # Sign-in
    password_length_min: int = Field(default=10, ge=8, le=64, description="Characters that a password must have.")
    password_length_max: int = Field(default=200, ge=64, le=4_096, description="Characters that a password may have.")
    password_strength_min: int = Field(
        default=3, ge=0, le=4, description="How hard a password must be to guess, as zxcvbn estimates it: 0 to 4."
    )
    password_hashes_at_once: Count = Field(default=2, description="Passwords that are hashed at once.")
    session_days: Days = Field(default=30, description="Days after its last use that a session ends.")
    osm_url: str = Field(
        default="https://www.openstreetmap.org", description="The OpenStreetMap site that people sign in with."
    )
    osm_client_id: str | None = Field(default=None, description="The id of the OAuth 2 application at OpenStreetMap.")
    osm_client_secret: SecretStr = Field(
        default=SecretStr(""), description="The secret of the OAuth 2 application at OpenStreetMap."
    )
    osm_redirect_uris: Listed = Field(
        default=[], description="Redirect URIs that front ends may use, separated by commas."
    )
    osm_authorization_s: WholeDuration = Field(
        default=600, description="How long a sign-in with OpenStreetMap may take."
    )
    osm_account_s_max: Duration = Field(default=10, description="Time for one request to the OpenStreetMap site.")
    osm_account_bytes_max: int = Field(
        default=MIB // 4, ge=1_024, le=BYTES_MAX, description="Bytes of an answer of the OpenStreetMap site."
    )
    osm_sign_ins_per_minute_max: Count = Field(
        default=10, description="Sign-ins with OpenStreetMap from one network address in a minute."
    )
    api_keys_max: Count = Field(default=50, description="API keys of an account.")
    api_key_days_max: Days = Field(default=366, description="Days that an API key may be valid.")
    api_keys_per_hour_max: Count = Field(default=20, description="API keys that an account may make in an hour.")
    viewer_cache_s: Pause = Field(default=5, description="How long a process remembers whose a token is.")
    viewers_cached_max: Count = Field(default=10_000, description="Tokens that a process remembers.")
    sign_ins_per_minute_max: Count = Field(
        default=10, description="Failed sign-ins to one account from one network address in a minute."
    )
    sign_ins_per_address_and_minute_max: Count = Field(
        default=100, description="Failed sign-ins from one network address in a minute."
    )
    sign_ins_elsewhere_per_hour_max: Count = Field(
        default=100, description="Failed sign-ins to one account from unknown network addresses in an hour."
    )
    sign_in_addresses_known_days: Days = Field(
        default=90, description="Days that a network address stays known for an account."
    )
    sign_ups_per_hour_max: Count = Field(default=50, description="Sign-ups from one network address in an hour.")
    sign_up_requests_per_hour_max: Count = Field(
        default=50, description="Requests to sign up from one network address in an hour."
    )
    sign_up_link_minutes: int = Field(
        default=24 * 60, ge=1, le=525_600, description="Minutes that the link of a sign-up mail is valid."
    )
    password_reset_requests_per_hour_max: Count = Field(
        default=50, description="Requests for a password reset from one network address in an hour."
    )
    password_resets_per_hour_max: Count = Field(
        default=50, description="Password resets from one network address in an hour."
    )
    password_reset_link_minutes: int = Field(
        default=60, ge=1, le=525_600, description="Minutes that the link of a password reset is valid."
    )
    password_changes_per_hour_max: Count = Field(
        default=10, description="Tries of an account to change its password in an hour."
    )
    email_verification_requests_per_hour_max: Count = Field(
        default=10, description="Requests of an account to verify an address in an hour."
    )
    email_verifications_per_hour_max: Count = Field(
        default=50, description="Verifications of addresses from one network address in an hour."
    )
    email_verification_link_minutes: int = Field(
        default=24 * 60, ge=1, le=525_600, description="Minutes that the link of a verification mail is valid."
    )
    mails_to_one_address_per_hour_max: Count = Field(
        default=5, description="Mails about sign-in to one address in an hour."
    )

    # Accounts and profiles
    data_exports_per_day_max: Count = Field(
        default=3, description="Archives of personal data that an account may ask for in a day."
    )
    data_exports_kept_days: Days = Field(default=7, description="Days that an archive of personal data is kept.")
    account_deletion_days: Days = Field(
        default=14, description="Days between the request to delete an account and its deletion."
    )
    username_reserved_days: Days = Field(
        default=30, description="Days that a former username stays reserved for its owner."
    )
    username_changes_max: Count = Field(
        default=3, description="Changes of a username within the days that a former one is reserved."
    )
    avatar_bytes_max: Bytes = Field(default=5 * MIB, description="Bytes of a profile picture.")
    avatar_pixels_max: Count = Field(default=25_000_000, description="Pixels of a profile picture.")
    pictures_drawn_at_once: Count = Field(default=1, description="Profile pictures that a process draws at once.")
    picture_side_max: Count = Field(default=30_000, description="Pixels of the longer side of a picture.")
    picture_cpu_s_max: Duration = Field(default=10, description="Processor time to read a picture.")

    # Teams
    teams_per_admin_max: Count = Field(default=50, description="Teams that one person may be the admin of.")
    team_members_max: Count = Field(default=200, description="Members of a team.")
    team_invitations_max: Count = Field(default=20, description="Open invitations of a team.")
    team_invitation_days_max: Days = Field(default=30, description="Days that an invitation may be valid.")
    team_invitation_uses_max: Count = Field(default=100, description="How many people may join by one invitation.")
    team_invitations_per_hour_max: Count = Field(
        default=50, description="Invitations that a person may make in an hour."
    )
    team_acceptances_per_hour_max: Count = Field(
        default=50, description="Tries to accept an invitation that a person has in an hour."
    )
