"""What is done later about camera-trap media, and what people are told of them."""

from app.models.kinds import JobKind


class WildlifeJob(JobKind):
    """The jobs of this domain."""
