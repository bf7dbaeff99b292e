"""Checks the attributes of classifications against the project's classificator."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import select

from app import checks
from app.database import ReadSession
from app.errors import Invalid, quoted
from app.limits import wildlife as limits
from app.models.base import Json
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.classificators import ClassificatorVersion
from app.services.wildlife.classifications.observations import Observation


class AttributeType(Enum):
    """The type of a custom attribute's values.

    BOOLEAN: True or false.
    INTEGER: Whole numbers.
    FLOAT: Numbers.
    STRING: Texts.
    """

    BOOLEAN = "BOOLEAN"
    INTEGER = "INTEGER"
    FLOAT = "FLOAT"
    STRING = "STRING"


class AttributeTarget(Enum):
    """What a custom attribute describes: the whole medium, or one observation.

    STATIC: The whole medium.
    DYNAMIC: One observation.
    """

    STATIC = "STATIC"
    DYNAMIC = "DYNAMIC"


class PredefinedAttribute(Enum):
    """An attribute that every classification has, and that a classificator may require or restrict.

    SPECIES: The species.
    SEX: The sex.
    AGE: The age class.
    BEHAVIOUR: The behaviour.
    COUNT_NEW: The number of individuals that are new in the sequence.
    INDIVIDUAL_ID: The name of the individual.
    OBSERVATION_TYPE: What was observed.
    """

    SPECIES = "species_id"
    SEX = "sex"
    AGE = "age"
    BEHAVIOUR = "behaviour"
    COUNT_NEW = "count_new"
    INDIVIDUAL_ID = "individual_id"
    OBSERVATION_TYPE = "observation_type"


UNSAID = {None, "UNKNOWN", "UNDEFINED"}
KINDS: dict[AttributeType, tuple[type, ...]] = {
    AttributeType.BOOLEAN: (bool,),
    AttributeType.INTEGER: (int,),
    AttributeType.FLOAT: (int, float),
    AttributeType.STRING: (str,),
}


@dataclass(frozen=True)
class Rules:
    """A version of a classificator, as it is checked against."""

    version_id: int
    predefined: Json
    custom: Json

    def of(self, target: AttributeTarget) -> dict[str, Json]:
        """The custom attributes of a medium, or of an observation."""
        return {name: rule for name, rule in self.custom.items() if rule["target"] == target.value}


async def rules_of(session: ReadSession, project_id: int) -> Rules | None:
    """The newest version of the project's classificator; none without a classificator."""
    newest = (
        select(ClassificatorVersion)
        .join(ClassificationProject, ClassificationProject.classificator_id == ClassificatorVersion.classificator_id)
        .where(ClassificationProject.id == project_id)
        .order_by(ClassificatorVersion.number.desc())
        .limit(1)
    )
    version = await session.scalar(newest)
    return None if version is None else Rules(version.id, version.predefined_attrs, version.custom_attrs)


def check_dynamic(rules: Rules | None, observation: Observation, place: str, *, by_person: bool) -> None:
    """Refuses an observation that does not follow the classificator. Restrictions and duties bind people alone."""
    _check(rules, AttributeTarget.DYNAMIC, observation.attrs, f"{place}.attrs", by_person=by_person)
    if rules is None or not by_person:
        return
    for name, rule in rules.predefined.items():
        _check_predefined(PredefinedAttribute[name], rule, observation, place)


def check_static(rules: Rules | None, attrs: Any, place: str, *, by_person: bool) -> Json:
    """The attributes of a whole medium, if they follow the classificator."""
    values = checks.json_object(place, attrs)
    _check(rules, AttributeTarget.STATIC, values, place, by_person=by_person)
    return values


def _check(rules: Rules | None, target: AttributeTarget, attrs: Json, place: str, *, by_person: bool) -> None:
    known: Mapping[str, Json] = rules.of(target) if rules else {}
    for name, value in attrs.items():
        if name not in known:
            raise Invalid(place, f"The classificator of the project has no attribute {quoted(name)} here.")
        check_value(known[name], value, f"{place}.{name}")
    if by_person:
        for name, rule in known.items():
            if rule["required"] and attrs.get(name) is None:
                raise Invalid(place, f"The classificator requires the attribute {quoted(name)}.")


def check_value(rule: Json, value: Any, place: str) -> None:
    """Refuses a value of another type than the attribute's, or one that is not in its list."""
    if value is None:
        return
    kind = AttributeType(rule["fieldType"])
    is_of_kind = isinstance(value, KINDS[kind]) and isinstance(value, bool) is (kind is AttributeType.BOOLEAN)
    if not is_of_kind or (isinstance(value, float) and not math.isfinite(value)):
        raise Invalid(place, f"Give a value of type {kind.value}.")
    if isinstance(value, str) and len(value) > limits.ATTRIBUTE_VALUE_LENGTH_MAX:
        raise Invalid(place, f"Use at most {limits.ATTRIBUTE_VALUE_LENGTH_MAX} characters; this has {len(value)}.")
    if rule["values"] and value not in rule["values"]:
        raise Invalid(place, "Give one of the values that the classificator lists.")


def _check_predefined(attribute: PredefinedAttribute, rule: Json, observation: Observation, place: str) -> None:
    field = "speciesId" if attribute is PredefinedAttribute.SPECIES else checks.camel_case(attribute.value)
    answer = getattr(observation, attribute.value)
    value = answer.value if isinstance(answer, Enum) else answer
    if value in UNSAID:
        # Only animals have a species, a sex or an age.
        if rule["required"] and observation.observation_type.value == "ANIMAL":
            raise Invalid(f"{place}.{field}", "The classificator requires this attribute of animals.")
    elif rule["values"] and value not in rule["values"]:
        raise Invalid(f"{place}.{field}", "The classificator of the project does not list this value.")
