"""The descriptor of a package, `datapackage.json`: its version, its resources, and whether it is complete."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import orjson

from app.errors import Unreadable, quoted
from app.formats.wildlife.camtrap_dp.fields import CAPTURE_METHODS, DESIGNS, LEVELS, RANKS, RESOURCES
from app.formats.wildlife.problems import Problems
from app.parsing.bounds import check_json

NAME = "datapackage.json"
READ = ("1.0", "1.0.1", "1.0.2")
WRITTEN = "1.0.2"
ABSENT = f"This package has no {NAME}, which says what its version and its tables are. Add it to the package."
BYTES_MAX = 8 * 1_048_576
# The path segment with the version: hosts differ, the standard's own, GBIF's and mirrors.
VERSION = re.compile(r"/v?(\d+\.\d+(?:\.\d+)*(?:[-.+]?[A-Za-z][\w.]*)?)/")
REQUIRED = ("resources", "profile", "created", "contributors", "project", "spatial", "temporal", "taxonomic")
PROJECT = ("title", "samplingDesign", "captureMethod", "individualAnimals", "observationLevel")


class Descriptor(NamedTuple):
    """What the descriptor says."""

    version: str
    # A path, several, or the rows themselves, by the name of the resource.
    resources: dict[str, Any]
    metadata: Mapping[str, Any]


def read(content: bytes, problems: Problems) -> Descriptor:
    """The descriptor; Unreadable if it is none of a version that is read here."""
    descriptor = _object(content)
    version = _version(descriptor)
    resources = _resources(descriptor, problems)
    _check(descriptor, problems)
    return Descriptor(version, resources, descriptor)


def _object(content: bytes) -> dict[str, Any]:
    if len(content) > BYTES_MAX:
        raise Unreadable(f"{NAME} is larger than {BYTES_MAX:,} bytes.")
    check_json(content)
    try:
        descriptor = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"{NAME} is not JSON: {error.msg} (line {error.lineno}).") from None
    if not isinstance(descriptor, dict):
        raise Unreadable(f"{NAME} is not a JSON object.")
    return descriptor


def _version(descriptor: Mapping[str, Any]) -> str:
    profile = descriptor.get("profile")
    if not isinstance(profile, str) or "camtrap-dp" not in profile:
        raise Unreadable(
            f"{NAME} does not name the Camtrap DP profile. Its field profile must be the address of camtrap-dp-profile."
            "json of version 1.0, 1.0.1 or 1.0.2."
        )
    versions = VERSION.findall(profile)
    version: str | None = versions[-1] if versions else None
    if version in READ:
        return version
    if version is None:
        raise Unreadable(f"The profile {quoted(profile)} names no version of Camtrap DP. Versions {_read()} are read.")
    raise Unreadable(f"This package is Camtrap DP {version[:20]}; only {_read()} are read. {_advice(version)}")


def _advice(version: str) -> str:
    if version.startswith("0.") or "rc" in version:
        return (
            "Export it again from the platform it came from, which writes 1.0 or newer by now, or convert its tables "
            "to 1.0.2 by the changelog of Camtrap DP."
        )
    return "It is newer than this installation knows. Export it as 1.0.2, or update Fieldgraph."


def _read() -> str:
    return f"{', '.join(READ[:-1])} and {READ[-1]}"


def _resources(descriptor: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    listed = descriptor.get("resources")
    if not isinstance(listed, list):
        raise Unreadable(f"{NAME} lists no resources.")
    paths: dict[str, Any] = {}
    for each in listed:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            problems.add(NAME, None, "resources", "A resource has no name.")
            continue
        name = each["name"]
        if name in paths:
            raise Unreadable(f"{NAME} has two resources named {quoted(name)}.")
        paths[name] = each.get("path", each.get("data"))
        if name not in RESOURCES:
            problems.note(NAME, None, "resources", f"The resource {quoted(name)} is not part of Camtrap DP.")
        elif paths[name] is None:
            raise Unreadable(f"The resource {name} has neither a path nor data.")
    missing = [name for name in RESOURCES if name not in paths]
    if missing:
        raise Unreadable(f"{NAME} lacks the resource{'s' * (len(missing) > 1)} {', '.join(missing)}.")
    return paths


def _check(descriptor: Mapping[str, Any], problems: Problems) -> None:
    """What a descriptor must have by the profile. None of it is needed to read the tables, so it only warns."""
    for name in REQUIRED:
        if name not in descriptor:
            problems.warn(NAME, None, name, "The profile requires this property.")
    _check_project(descriptor.get("project"), problems)
    _check_temporal(descriptor.get("temporal"), problems)
    _check_licences(descriptor.get("licenses"), problems)
    listed = descriptor.get("taxonomic")
    for taxon in listed if isinstance(listed, list) else []:
        if not isinstance(taxon, dict) or not isinstance(taxon.get("scientificName"), str):
            problems.warn(NAME, None, "taxonomic", "A taxon has no scientificName.")
        elif taxon.get("taxonRank") not in {None, *RANKS}:
            problems.warn(NAME, None, "taxonomic", f"The rank {quoted(str(taxon['taxonRank']))} is not in the profile.")


def _check_project(project: Any, problems: Problems) -> None:
    if not isinstance(project, dict):
        return
    for name in PROJECT:
        if name not in project:
            problems.warn(NAME, None, f"project.{name}", "The profile requires this property.")
    allowed = {"samplingDesign": DESIGNS, "captureMethod": CAPTURE_METHODS, "observationLevel": LEVELS}
    for name, choices in allowed.items():
        value = project.get(name, [])
        for each in value if isinstance(value, list) else [value]:
            if each not in choices:
                problems.warn(NAME, None, f"project.{name}", f"{quoted(str(each))} is not in the profile.")


def _check_temporal(temporal: Any, problems: Problems) -> None:
    if not isinstance(temporal, dict):
        return
    for name in ("start", "end"):
        try:
            date.fromisoformat(str(temporal.get(name)))
        except ValueError:
            problems.warn(NAME, None, f"temporal.{name}", "This is not a date such as 2020-03-01.")


def _check_licences(licences: Any, problems: Problems) -> None:
    if licences is None:
        return
    scopes = {each.get("scope") for each in licences if isinstance(each, dict)} if isinstance(licences, list) else set()
    if not {"data", "media"} <= scopes:
        problems.warn(NAME, None, "licenses", "If there are licenses, one needs the scope data and one media.")


def taxa(descriptor: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The taxa that the descriptor lists, as far as they have names."""
    listed = descriptor.get("taxonomic")
    entries = listed if isinstance(listed, list) else []
    return [each for each in entries if isinstance(each, dict) and isinstance(each.get("scientificName"), str)]
