"""What happens later to accounts."""

from app.services.accounts import letters  # noqa: F401 -- registers who writes mails about accounts
