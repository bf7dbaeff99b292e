"""Jobs of tables and machines, and their rate limits."""

from app.models.kinds import Audience, JobKind, Lane, RateLimit, Trait, WebhookTopic
from app.models.kinds.system import SystemRateLimit


class AutomlRateLimit(RateLimit):
    """The rate limits of this domain."""

    LINE_CHANGES = "line_changes"
    MACHINE_TRAININGS = "machine_trainings"


class AutomlJob(JobKind):
    """The jobs of this domain.

    READ_TABLE: Reads the columns of an uploaded table.
    LOAD_MACHINE: Loads the lines of a table into a new machine.
    COPY_MACHINE: Copies a machine.
    UPDATE_COPY: Brings a bought copy up to date.
    APPEND_LINES: Adds lines to a machine.
    CORRECT_MACHINE: Changes or removes lines of a machine.
    PROFILE_MACHINE: Computes the statistics of a machine's columns.
    TRAIN_MACHINE: Trains a machine.
    EVALUATE_MACHINE: Evaluates a machine on lines that it has not learned from.
    SOLVE_FILE: Answers the lines of a file.
    SOLVE_LINES: Answers the lines of a machine that have no answer.
    REMOVE_MACHINE: Removes the lines and files of a deleted machine.
    """

    READ_TABLE = "READ_TABLE", Lane.SLOW, SystemRateLimit.JOBS
    LOAD_MACHINE = "LOAD_MACHINE", Lane.SLOW, SystemRateLimit.JOBS
    COPY_MACHINE = "COPY_MACHINE", Lane.SLOW, SystemRateLimit.JOBS
    UPDATE_COPY = "UPDATE_COPY", Lane.SLOW, SystemRateLimit.JOBS
    APPEND_LINES = "APPEND_LINES", Lane.SLOW, AutomlRateLimit.LINE_CHANGES
    CORRECT_MACHINE = "CORRECT_MACHINE", Lane.SLOW, AutomlRateLimit.LINE_CHANGES
    PROFILE_MACHINE = "PROFILE_MACHINE", Lane.SLOW, Trait.NOT_LIMITED
    TRAIN_MACHINE = "TRAIN_MACHINE", Lane.HEAVY, AutomlRateLimit.MACHINE_TRAININGS
    EVALUATE_MACHINE = "EVALUATE_MACHINE", Lane.HEAVY, AutomlRateLimit.MACHINE_TRAININGS
    SOLVE_FILE = "SOLVE_FILE", Lane.SLOW, SystemRateLimit.JOBS
    SOLVE_LINES = "SOLVE_LINES", Lane.SLOW, SystemRateLimit.JOBS
    REMOVE_MACHINE = "REMOVE_MACHINE", Lane.SLOW, Trait.NOT_LIMITED


class AutomlTopic(WebhookTopic):
    """The subscriptions of this domain.

    TABLE_READING_UPDATED: Progress of the account's readings of tables.
    WORK_UPDATED: Progress of the account's work on machines.
    """

    TABLE_READING_UPDATED = "TABLE_READING_UPDATED", "tablereading", Audience.OWNERS, "table_readings"
    WORK_UPDATED = "WORK_UPDATED", "work", Audience.OWNERS, "works"
