"""The breaker of webhooks: how long one waits after failures, and when it is given up."""

from app.database import WriteSession
from app.models.integrations import Webhook
from app.services.system.notifications import notify
from app.settings import settings

# After so many failures of one delivery those behind it go first.
IN_ORDER_ATTEMPTS = 5


def pause_s(failures: int) -> float:
    """The pause after a number of failures in a row: doubled with each, up to a bound."""
    return min(settings.webhook_pause_s * 2.0 ** min(failures - 1, 30), settings.webhook_pause_s_max)


async def disable(session: WriteSession, webhook: Webhook, reason: str) -> None:
    """Disables a locked webhook and tells its owner."""
    webhook.is_enabled, webhook.disabled_reason, webhook.resume_at = False, reason, None
    message = f"Your webhook {webhook.url} was disabled. {reason} Mend its receiver, then enable it again."
    notify(session, webhook.user_id, message, about=webhook)
    await session.flush()
