"""Accounts, sign-ins, API keys, profiles and teams."""

from pydantic import BaseModel, Field, SecretStr

from app.settings.kinds import Listed
from app.settings.units import MIB


class AccountsSettings(BaseModel):
    """Accounts, sign-ins, API keys, profiles and teams."""

    # Accounts
    password_length_min: int = 10
    password_length_max: int = 200
    password_hashes_at_once: int = 2
    session_days: int = 30
    client_length_max: int = 200
    osm_url: str = "https://www.openstreetmap.org"
    osm_client_id: str | None = None
    osm_client_secret: SecretStr = SecretStr("")
    osm_redirect_uris: Listed = []
    osm_authorization_s: int = 600
    osm_account_s_max: float = 10
    osm_account_bytes_max: int = MIB // 4
    osm_sign_ins_per_minute_max: int = 10
    api_keys_max: int = 50
    api_key_days_max: int = 366
    api_keys_per_hour_max: int = 20
    viewer_cache_s: float = 5
    viewers_cached_max: int = 10_000
    sign_ins_per_minute_max: int = 10
    sign_ins_per_address_and_minute_max: int = 100
    sign_ins_elsewhere_per_hour_max: int = 100
    sign_in_addresses_known_days: int = 90
    sign_ups_per_hour_max: int = 50
    sign_up_requests_per_hour_max: int = 50
    sign_up_link_minutes: int = 24 * 60
    password_reset_requests_per_hour_max: int = 50
    password_resets_per_hour_max: int = 50
    password_reset_link_minutes: int = 60
    password_changes_per_hour_max: int = 10
    email_verification_requests_per_hour_max: int = 10
    email_verifications_per_hour_max: int = 50
    email_verification_link_minutes: int = 24 * 60
    mails_to_one_address_per_hour_max: int = 5
    data_exports_per_day_max: int = 3
    data_exports_kept_days: int = 7
    account_deletion_days: int = Field(default=14, ge=1)
    name_length_max: int = 50
    bio_length_max: int = 500
    location_length_max: int = 100
    website_length_max: int = 200
    avatar_bytes_max: int = 5 * MIB
    avatar_pixels_max: int = 25_000_000
    pictures_drawn_at_once: int = 1
    picture_side_max: int = 30_000
    picture_cpu_s_max: float = 10
    description_length_max: int = 4_000
    note_length_max: int = 500

    # Teams
    team_name_length_max: int = 200
    teams_per_admin_max: int = 50
    team_members_max: int = 200
    team_invitations_max: int = 20
    team_invitation_days_max: int = 30
    team_invitation_uses_max: int = 100
    team_invitations_per_hour_max: int = 50
    team_acceptances_per_hour_max: int = 50
