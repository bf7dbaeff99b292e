"""The kinds of values that settings have, each with its bounds."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

Proxy = IPv4Network | IPv6Network | Literal["unix"]

# What GraphQL's Int, PostgreSQL's integer and its intervals in milliseconds can hold.
INTEGER_MAX = 2**31 - 1
SECONDS_MAX = 2_000_000
BYTES_MAX = 2**53 - 1
SQUARE_METRES_MAX = 1e12
DAYS_MAX = 36_500

# A setting with narrower bounds is a plain number with bounds of its own: of two, Pydantic heeds only one.
Count = Annotated[int, Field(ge=1, le=INTEGER_MAX)]
CountOrNone = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
Bytes = Annotated[int, Field(ge=1, le=BYTES_MAX)]
BytesOrNone = Annotated[int, Field(ge=0, le=BYTES_MAX)]
Level = Annotated[int, Field(ge=1, le=200)]
Zoom = Annotated[int, Field(ge=0, le=24)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
SquareMetres = Annotated[float, Field(ge=0, le=SQUARE_METRES_MAX, allow_inf_nan=False)]
# A deadline in seconds; a pause in seconds, or none.
Duration = Annotated[float, Field(gt=0, le=SECONDS_MAX, allow_inf_nan=False)]
WholeDuration = Annotated[int, Field(ge=1, le=SECONDS_MAX)]
Pause = Annotated[float, Field(ge=0, le=SECONDS_MAX, allow_inf_nan=False)]
WholePause = Annotated[int, Field(ge=0, le=SECONDS_MAX)]
Days = Annotated[int, Field(ge=1, le=DAYS_MAX)]
DaysOrPart = Annotated[float, Field(ge=0, le=DAYS_MAX, allow_inf_nan=False)]


class BaseModelLimits(BaseModel):
    """What may be asked of a base model's trainings, and the validation IoU that publishing one takes."""

    epochs_max: Count = Field(description="Epochs of a training.")
    batch_max: Count = Field(default=8, description="Batch size of a training.")
    publish_accuracy_percent_min: Annotated[float, Field(ge=0, le=100)] = Field(
        default=40, description="Validation IoU in percent that publishing a training takes."
    )


def _listed(value: object) -> object:
    return [entry.strip() for entry in value.split(",") if entry.strip()] if isinstance(value, str) else value


def _listed_in_lower_case(value: object) -> object:
    return _listed(value.lower() if isinstance(value, str) else value)


def _proxies(value: object) -> object:
    listed = _listed_in_lower_case(value)
    return [_proxy(entry) for entry in listed] if isinstance(listed, list) else listed


def _proxy(entry: object) -> object:
    try:
        return ip_network(entry) if isinstance(entry, str) and entry != "unix" else entry
    except ValueError:
        raise ValueError(
            f"{entry} is neither an address, nor a network such as 10.0.0.0/8, nor 'unix' for socket files"
        ) from None


Listed = Annotated[list[str], NoDecode, BeforeValidator(_listed)]
Hosts = Annotated[list[str], NoDecode, BeforeValidator(_listed_in_lower_case)]
Proxies = Annotated[list[Proxy], NoDecode, BeforeValidator(_proxies)]
