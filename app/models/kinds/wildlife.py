"""Jobs and notifications about camera-trap media."""

from app.models.kinds import Audience, JobKind, Lane, NotificationKind, RateLimit, Trait, WebhookTopic
from app.models.kinds.system import SystemRateLimit


class WildlifeRateLimit(RateLimit):
    """The rate limits of this domain."""

    SPECIES_TRAININGS = "species_trainings"
    MEDIA_BATCHES = "media_batches"


class WildlifeJob(JobKind):
    """The jobs of this domain.

    RUN_LOCAL_AI: Runs a model of this installation on media.
    TRAIN_SPECIES: Trains a species classifier.
    READ_MEDIA: Reads uploaded media.
    FILL_COLLECTION: Fills a collection with the media of a filter.
    SYNC_AI_MODELS: Fetches the list of models of an AI Manager.
    FOLLOW_AI_JOB: Follows an AI job on an AI Manager.
    BUILD_FRAME_INDEX: Builds a project's index of frames.
    IMPORT_WILDLIFE: Imports a file of camera-trap data.
    EXPORT_WILDLIFE: Exports camera-trap data.
    """

    RUN_LOCAL_AI = "RUN_LOCAL_AI", Lane.HEAVY, Trait.NOT_LIMITED
    TRAIN_SPECIES = "TRAIN_SPECIES", Lane.HEAVY, WildlifeRateLimit.SPECIES_TRAININGS
    READ_MEDIA = "READ_MEDIA", Lane.SLOW, SystemRateLimit.JOBS
    FILL_COLLECTION = "FILL_COLLECTION", Lane.SLOW, Trait.NOT_LIMITED
    SYNC_AI_MODELS = "SYNC_AI_MODELS", Lane.SLOW, SystemRateLimit.JOBS
    FOLLOW_AI_JOB = "FOLLOW_AI_JOB", Lane.SLOW, Trait.NOT_LIMITED
    BUILD_FRAME_INDEX = "BUILD_FRAME_INDEX", Lane.SLOW, SystemRateLimit.JOBS
    IMPORT_WILDLIFE = "IMPORT_WILDLIFE", Lane.SLOW, SystemRateLimit.JOBS
    EXPORT_WILDLIFE = "EXPORT_WILDLIFE", Lane.SLOW, SystemRateLimit.JOBS


class WildlifeNotification(NotificationKind):
    """Notifications about research projects, and about reviews of what people classified.

    RESEARCH_PROJECT: A research project and its members.
    CLASSIFICATION_APPROVED: Somebody approved classifications of the user.
    CLASSIFICATION_REJECTED: Somebody withdrew the approval of classifications of the user.
    CLASSIFICATION_FEEDBACK: Somebody gave feedback on classifications that the user approved.
    """

    RESEARCH_PROJECT = "RESEARCH_PROJECT"
    CLASSIFICATION_APPROVED = (
        "CLASSIFICATION_APPROVED",
        "approved classifications of yours.",
        "approved classifications of yours.",
    )
    CLASSIFICATION_REJECTED = (
        "CLASSIFICATION_REJECTED",
        "no longer approves classifications of yours.",
        "no longer approve classifications of yours.",
    )
    CLASSIFICATION_FEEDBACK = (
        "CLASSIFICATION_FEEDBACK",
        "gave feedback on classifications that you approved.",
        "gave feedback on classifications that you approved.",
    )


class WildlifeTopic(WebhookTopic):
    """The subscriptions of this domain.

    MEDIA_READING_UPDATED: Progress of the account's readings of media.
    WILDLIFE_IMPORT_UPDATED: Progress of the account's imports.
    WILDLIFE_EXPORT_UPDATED: Progress of the account's exports.
    AI_CLASSIFICATION_JOB_UPDATED: Progress of the account's AI classification jobs.
    """

    MEDIA_READING_UPDATED = "MEDIA_READING_UPDATED", "media-reading", Audience.OWNERS, "media_readings"
    WILDLIFE_IMPORT_UPDATED = "WILDLIFE_IMPORT_UPDATED", "wildlifeimport", Audience.OWNERS, "wildlife_imports"
    WILDLIFE_EXPORT_UPDATED = "WILDLIFE_EXPORT_UPDATED", "wildlifeexport", Audience.OWNERS, "wildlife_exports"
    AI_CLASSIFICATION_JOB_UPDATED = (
        "AI_CLASSIFICATION_JOB_UPDATED",
        "ai-classification-job",
        Audience.OWNERS,
        "ai_classification_jobs",
    )
