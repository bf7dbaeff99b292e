"""What is done later about camera-trap media, and what people are told of them."""

from app.models.kinds import JobKind, Lane, Trait


class WildlifeJob(JobKind):
    """The jobs of this domain."""

    FILL_COLLECTION = "FILL_COLLECTION", Lane.SLOW, Trait.NOT_LIMITED
