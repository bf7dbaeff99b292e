"""Jobs of webhooks, and their rate limits."""

from app.models.kinds import JobKind, Lane, RateLimit, Trait


class IntegrationsRateLimit(RateLimit):
    """The rate limits of this domain."""

    WEBHOOK_TESTS = "webhook_tests"


class IntegrationsJob(JobKind):
    """The jobs of this domain.

    SEND_WEBHOOKS: Sends events to a webhook.
    """

    SEND_WEBHOOKS = "SEND_WEBHOOKS", Lane.SLOW, Trait.NOT_LIMITED, Trait.PRUNED
