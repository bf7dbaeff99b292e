"""Housekeeping of trainings: files that are no longer needed."""

from app.services.mapping.trainings import retention
from jobs.housekeeping import housekeeping

housekeeping("files of old trainings", retention.discard_old_files)
housekeeping("checkpoints", retention.prune_resuming)
