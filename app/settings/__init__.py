"""Every knob and every limit, read once from the environment: a module for each domain.

A name in them is set by the variable of the same name in capitals behind `FIELDGRAPH_`; the four that other tools
share (`DATABASE_URL`, `REDIS_URL`, `PORT`, `FIELDGRAPH_HOME`) have no second prefix. A base model's limits are set by
`FIELDGRAPH_RAMP__EPOCHS_MAX` and their like.
"""

from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings.accounts import AccountsSettings
from app.settings.files import FilesSettings
from app.settings.jobs import JobsSettings
from app.settings.learning import LearningSettings
from app.settings.mapping import MappingSettings
from app.settings.notifications import NotificationsSettings
from app.settings.outside import OutsideSettings
from app.settings.servers import ServersSettings
from app.settings.social import SocialSettings
from app.settings.web import WebSettings


class Settings(
    ServersSettings,
    WebSettings,
    AccountsSettings,
    SocialSettings,
    NotificationsSettings,
    FilesSettings,
    MappingSettings,
    OutsideSettings,
    JobsSettings,
    LearningSettings,
    BaseSettings,
):
    """One value each, with its unit last in its name."""

    model_config = SettingsConfigDict(
        env_prefix="FIELDGRAPH_", env_nested_delimiter="__", nested_model_default_partial_update=True, extra="ignore"
    )


settings = Settings()
# What may be told to children that know nothing else of us.
NUMBERS = [
    name
    for name, field in Settings.model_fields.items()
    if field.annotation in {int, float} and field.validation_alias is None
]
