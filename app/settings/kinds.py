"""The kinds of values that settings have, beside the plain ones."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator
from pydantic_settings import NoDecode

Proxy = IPv4Network | IPv6Network | Literal["unix"]


class BaseModelLimits(BaseModel):
    """What may be asked of a base model's trainings, and the validation IoU that publishing one takes."""

    epochs_max: int
    batch_max: int = 8
    publish_accuracy_percent_min: float = 40


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
