"""Jobs, the worker, events and housekeeping."""

from pydantic import BaseModel, Field

from app.settings.kinds import SECONDS_MAX, Count, Days, DaysOrPart, Duration, Pause


class JobsSettings(BaseModel):
    """Jobs, the worker, events and housekeeping."""

    job_lease_s: float = Field(
        default=10, ge=1, le=SECONDS_MAX, description="How long a worker holds a job without a sign of life."
    )
    job_statement_s_max: Duration = Field(default=60, description="Time for one statement of a job.")
    job_transaction_s_max: Duration = Field(default=90, description="Time for one transaction of a job.")
    job_attempts_max: int = Field(default=3, ge=1, le=1_000, description="Attempts of a job.")
    job_poll_s: Duration = Field(default=1, description="Time between searches for jobs.")
    job_deaths_max: int = Field(default=6, ge=1, le=1_000, description="Deaths of its worker after which a job fails.")
    job_setbacks_max: int = Field(
        default=24, ge=0, le=1_000, description="Failures of the machine that a job survives."
    )
    job_pause_s: Duration = Field(default=2, description="Shortest pause before a job is tried again.")
    job_pause_s_max: Duration = Field(default=300, description="Longest pause before a job is tried again.")
    jobs_kept_days: DaysOrPart = Field(default=30, description="Days that finished jobs are kept.")
    prune_rows_max: Count = Field(default=2_000, description="Rows that one statement of the housekeeping deletes.")
    prune_pause_s: Pause = Field(default=0.01, description="Pause between statements of the housekeeping.")
    housekeeping_s_max: Duration = Field(default=600, description="Time for one run of the housekeeping.")
    job_sweep_s: float = Field(default=2, ge=0.01, le=SECONDS_MAX, description="Time between searches for lost jobs.")
    job_quick_at_once: int = Field(default=2, ge=1, le=1_000, description="Quick jobs of a worker at once.")
    job_slow_at_once: int = Field(default=4, ge=1, le=1_000, description="Slow jobs of a worker at once.")
    job_heavy_at_once: int = Field(
        default=1, ge=1, le=1_000, description="Trainings and predictions of a worker at once."
    )
    job_progress_s: float = Field(default=0.5, ge=0.01, le=SECONDS_MAX, description="Time between reports of progress.")
    jobs_per_hour_max: Count = Field(default=120, description="Other jobs that an account may start in an hour.")
    shutdown_s: float = Field(
        default=20, ge=1, le=SECONDS_MAX, description="Time to finish work before a process ends."
    )
    shutdown_notice_s: Pause = Field(default=0, description="How long a process that is to end still takes requests.")
    events_kept_days: Days = Field(default=7, description="Days that events are kept for subscriptions to catch up.")
    event_lag_s_max: Duration = Field(
        default=5, description="Delay of events from which `fieldgraph doctor` and the readiness check report it."
    )
