"""Jobs of webhooks and bulk queries, and their rate limits."""

from app.models.kinds import JobKind, Lane, RateLimit, Trait


class IntegrationsRateLimit(RateLimit):
    """The rate limits of this domain."""

    WEBHOOK_TESTS = "webhook_tests"
    BULK_QUERIES = "bulk_queries"


class IntegrationsJob(JobKind):
    """The jobs of this domain.

    SEND_WEBHOOKS: Sends events to a webhook.
    BULK_QUERY: Runs a query over a whole list.
    """

    SEND_WEBHOOKS = "SEND_WEBHOOKS", Lane.SLOW, Trait.NOT_LIMITED, Trait.PRUNED
    BULK_QUERY = "BULK_QUERY", Lane.SLOW, IntegrationsRateLimit.BULK_QUERIES
