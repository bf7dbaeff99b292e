"""What is done later about camera-trap media, and what people are told of them."""

from app.models.kinds import JobKind, Lane, Trait
from app.models.kinds.system import SystemRateLimit


class WildlifeJob(JobKind):
    """The jobs of this domain."""

    FILL_COLLECTION = "FILL_COLLECTION", Lane.SLOW, Trait.NOT_LIMITED
    SYNC_AI_MODELS = "SYNC_AI_MODELS", Lane.SLOW, SystemRateLimit.JOBS
    FOLLOW_AI_JOB = "FOLLOW_AI_JOB", Lane.SLOW, Trait.NOT_LIMITED
    BUILD_FRAME_INDEX = "BUILD_FRAME_INDEX", Lane.SLOW, SystemRateLimit.JOBS
