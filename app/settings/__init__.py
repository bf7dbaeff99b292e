"""Every knob and every limit, read once from the environment: a module for each domain.

A name in them is set by the variable of the same name in capitals behind `FIELDGRAPH_`; the four that other tools
share (`DATABASE_URL`, `REDIS_URL`, `PORT`, `FIELDGRAPH_HOME`) have no second prefix. A base model's limits are set by
`FIELDGRAPH_RAMP__EPOCHS_MAX` and their like. `fieldgraph settings` lists all of them. What a column or the schema
fixes is not here but in `app/limits`.
"""

from typing import Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings.accounts import AccountsSettings
from app.settings.automl import AutomlSettings
from app.settings.billing import BillingSettings
from app.settings.consulting import ConsultingSettings
from app.settings.files import FilesSettings
from app.settings.integrations import IntegrationsSettings
from app.settings.jobs import JobsSettings
from app.settings.learning import LearningSettings
from app.settings.mapping import MappingSettings
from app.settings.notifications import NotificationsSettings
from app.settings.outside import OutsideSettings
from app.settings.servers import ServersSettings
from app.settings.social import SocialSettings
from app.settings.web import WebSettings
from app.settings.wildlife import WildlifeSettings

# Each pair is in order: the first may not be above the second.
ORDERED = [
    ("page_size", "page_size_max"),
    ("nodes_max", "list_length_max"),
    ("verdicts_at_once_max", "list_length_max"),
    ("request_bytes_max", "shape_request_bytes_max"),
    ("request_bytes_max", "labels_request_bytes_max"),
    ("request_bytes_max", "rows_request_bytes_max"),
    ("solve_rows_max", "list_length_max"),
    ("document_cost_max", "viewer_cost_per_minute_max"),
    ("document_cost_max", "address_cost_per_minute_max"),
    ("socket_message_bytes_max", "socket_refused_bytes_max"),
    ("socket_ping_s", "socket_silence_s_max"),
    ("avatar_bytes_max", "upload_bytes_max"),
    ("picture_bytes_max", "upload_bytes_max"),
    ("label_file_bytes_max", "upload_bytes_max"),
    ("import_bytes_max", "upload_bytes_max"),
    ("machine_table_bytes_max", "upload_bytes_max"),
    ("upload_bytes_max", "upload_bytes_per_hour_max"),
    ("upload_bytes_per_hour_max", "upload_bytes_per_day_max"),
    ("osm_poll_s", "osm_poll_s_max"),
    ("statement_s_max", "transaction_s_max"),
    ("job_statement_s_max", "job_transaction_s_max"),
    ("job_transaction_s_max", "long_transaction_s_max"),
    ("job_pause_s", "job_pause_s_max"),
    ("webhook_pause_s", "webhook_pause_s_max"),
    ("conflation_overlap_share_min", "conflation_duplicate_share_min"),
]


# Pydantic takes the fields of the last base first: read from below, this is the order in which they are listed.
class Settings(
    LearningSettings,
    JobsSettings,
    OutsideSettings,
    WildlifeSettings,
    AutomlSettings,
    MappingSettings,
    FilesSettings,
    NotificationsSettings,
    SocialSettings,
    ConsultingSettings,
    BillingSettings,
    IntegrationsSettings,
    AccountsSettings,
    WebSettings,
    ServersSettings,
    BaseSettings,
):
    """One value each, with its unit last in its name."""

    model_config = SettingsConfigDict(
        env_prefix="FIELDGRAPH_", env_nested_delimiter="__", nested_model_default_partial_update=True, extra="ignore"
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Refuse settings that contradict one another."""
        names = type(self).model_fields
        ranges = [(name, f"{name.removesuffix('_min')}_max") for name in names if name.endswith("_min")]
        for low, high in [*ORDERED, *(pair for pair in ranges if pair[1] in names)]:
            most = getattr(self, high)
            if getattr(self, low) > most:
                variable, other = f"FIELDGRAPH_{low.upper()}", f"FIELDGRAPH_{high.upper()}"
                raise ValueError(f"{variable} may be {most:g} at most, or raise {other}")
        return self


settings = Settings()
# Settings that children may know, who know nothing else of us.
NUMBERS = [
    name
    for name, field in Settings.model_fields.items()
    if field.annotation in {int, float} and field.validation_alias is None
]
