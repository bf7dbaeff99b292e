"""Jobs of tables and machines, and their rate limits."""

from app.models.kinds import JobKind, Lane
from app.models.kinds.system import SystemRateLimit


class AutomlJob(JobKind):
    """The jobs of this domain."""

    READ_TABLE = "READ_TABLE", Lane.SLOW, SystemRateLimit.JOBS
