"""People: signing up, in and out, and telling who a token belongs to."""

from app.services.accounts.sessions import (
    SignedIn,
    new_password_hash,
    pace_sign_in,
    pace_sign_up,
    sign_in,
    sign_out,
    sign_up,
    user_by_password,
    viewer_of,
)

__all__ = [
    "SignedIn",
    "new_password_hash",
    "pace_sign_in",
    "pace_sign_up",
    "sign_in",
    "sign_out",
    "sign_up",
    "user_by_password",
    "viewer_of",
]
