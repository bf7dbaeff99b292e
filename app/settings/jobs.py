"""Jobs, the worker, events and housekeeping."""

from pydantic import BaseModel, Field


class JobsSettings(BaseModel):
    """Jobs, the worker, events and housekeeping."""

    job_lease_s: float = 10
    job_statement_s_max: float = 60
    job_attempts_max: int = 3
    job_poll_s: float = 1
    job_deaths_max: int = 6
    job_setbacks_max: int = 24
    job_pause_s: float = 2
    job_pause_s_max: float = 300
    jobs_kept_days: float = 30
    prune_rows_max: int = Field(default=2_000, ge=1)
    prune_pause_s: float = 0.01
    housekeeping_s_max: float = 600
    job_sweep_s: float = 2
    job_quick_at_once: int = Field(default=2, ge=1)
    job_slow_at_once: int = Field(default=4, ge=1)
    job_heavy_at_once: int = Field(default=1, ge=1)
    job_progress_s: float = 0.5
    jobs_per_hour_max: int = 120
    shutdown_s: float = 20
    shutdown_notice_s: float = 0
    events_kept_days: int = 7
    event_lag_s_max: float = 5
