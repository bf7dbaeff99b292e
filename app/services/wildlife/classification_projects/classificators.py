"""Classificators and their versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, exists, func, select

from app import checks
from app.database import WriteSession
from app.errors import Conflict, Invalid, NotFound, quoted
from app.limits import wildlife as limits
from app.models.base import Json
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.classifications import Classification
from app.models.wildlife.classificators import Classificator, ClassificatorVersion
from app.models.wildlife.observations import Age, Behaviour, ObservationType, Sex
from app.models.wildlife.species import Species
from app.policies import Viewer, require, signed_in, visible
from app.policies.wildlife.classifications import may_change_this_classificator, may_create_classificators
from app.services.wildlife.classifications.attributes import (
    AttributeTarget,
    AttributeType,
    PredefinedAttribute,
    check_value,
)
from app.settings import settings

CHOICES = {
    PredefinedAttribute.SEX: Sex,
    PredefinedAttribute.AGE: Age,
    PredefinedAttribute.BEHAVIOUR: Behaviour,
    PredefinedAttribute.OBSERVATION_TYPE: ObservationType,
}


@dataclass(frozen=True)
class CustomAttribute:
    """An attribute of a project's own."""

    name: str
    field_type: AttributeType
    target: AttributeTarget
    required: bool = False
    initial: Any = None
    values: Sequence[Any] = ()


@dataclass(frozen=True)
class Predefined:
    """What is asked of an attribute that every classification has; `values` are names, or keys of species."""

    attribute: PredefinedAttribute
    required: bool = False
    values: Sequence[Any] = ()


@dataclass(frozen=True)
class Form:
    """What one version of a classificator says."""

    predefined: Sequence[Predefined] = ()
    custom: Sequence[CustomAttribute] = ()
    static_order: Sequence[str] = ()
    dynamic_order: Sequence[str] = field(default=())


async def create_classificator(
    session: WriteSession,
    viewer: Viewer,
    *,
    name: str,
    description: str | None = None,
    copy_of_id: int | None = None,
    form: Form | None = None,
) -> Classificator:
    """A classificator with its first version: the form given, or that of the one it is a copy of."""
    require(may_create_classificators, viewer, None)
    origin = None if copy_of_id is None else await _found(session, viewer, copy_of_id, field="copyOfId")
    if origin is not None and form is None:
        newest = await _newest(session, origin.id)
        columns = ("predefined_attrs", "custom_attrs", "static_attrs_order", "dynamic_attrs_order")
        values = {column: getattr(newest, column) for column in columns}
    else:
        values = await _values(session, form or Form())
    made = Classificator(
        owner_id=signed_in(viewer),
        name=name,
        description=_description(description),
        copy_of_id=None if origin is None else origin.id,
    )
    session.add(made)
    await session.flush()
    session.add(ClassificatorVersion(classificator_id=made.id, number=1, **values))
    await session.flush()
    return made


def _description(text: str | None) -> str | None:
    return checks.optional_text("description", text, length_max=limits.ABSTRACT_LENGTH_MAX)


async def _found(session: WriteSession, viewer: Viewer, id: int, *, field: str = "") -> Classificator:
    signed_in(viewer)
    sought = visible(Classificator, viewer).where(Classificator.id == id)
    row = await session.scalar(sought if field else sought.with_for_update())
    if row is None:
        message = "There is no such classificator."
        raise Invalid(field, message) if field else NotFound(message)
    return row


async def _newest(session: WriteSession, classificator_id: int) -> ClassificatorVersion:
    of_this = select(ClassificatorVersion).where(ClassificatorVersion.classificator_id == classificator_id)
    return (await session.scalars(of_this.order_by(ClassificatorVersion.number.desc()).limit(1))).one()


async def update_classificator(
    session: WriteSession,
    viewer: Viewer,
    classificator_id: int,
    changes: Mapping[str, Any],
    *,
    form: Form | None = None,
) -> Classificator:
    """Changes name and description; a new form is a new version. What was classified before stays as it is."""
    classificator = await _found(session, viewer, classificator_id)
    require(may_change_this_classificator, viewer, classificator)
    if "name" in changes:
        classificator.name = changes["name"]
    if "description" in changes:
        classificator.description = _description(changes["description"])
    if form is not None:
        newest = await _newest(session, classificator.id)
        values = await _values(session, form)
        session.add(ClassificatorVersion(classificator_id=classificator.id, number=newest.number + 1, **values))
    await session.refresh(classificator)
    return classificator


async def delete_classificator(session: WriteSession, viewer: Viewer, classificator_id: int) -> Classificator:
    """Deletes a classificator that no project has used; one that has been used is taken out of use."""
    classificator = await _found(session, viewer, classificator_id)
    require(may_change_this_classificator, viewer, classificator)
    if await session.scalar(select(exists().where(ClassificationProject.classificator_id == classificator.id))):
        raise Conflict("A classification project uses this classificator. Choose another one there first.")
    classificator.disabled_at = func.now()
    await session.flush()
    await session.execute(
        delete(Classificator).where(Classificator.id == classificator.id, ~_was_used(classificator.id))
    )
    return classificator


def _was_used(classificator_id: int) -> Any:
    versions = select(ClassificatorVersion.id).where(ClassificatorVersion.classificator_id == classificator_id)
    return exists().where(Classification.classificator_version_id.in_(versions))


async def _values(session: WriteSession, form: Form) -> Json:
    custom = _custom(form.custom)
    return {
        "predefined_attrs": await _predefined(session, form.predefined),
        "custom_attrs": custom,
        "static_attrs_order": _order("staticAttrsOrder", form.static_order, custom, AttributeTarget.STATIC),
        "dynamic_attrs_order": _order("dynamicAttrsOrder", form.dynamic_order, custom, AttributeTarget.DYNAMIC),
    }


def _custom(attributes: Sequence[CustomAttribute]) -> Json:
    if len(attributes) > settings.custom_attributes_max:
        raise Invalid("customAttrs", f"Give at most {settings.custom_attributes_max} attributes.")
    made: Json = {}
    for index, one in enumerate(attributes):
        place = f"customAttrs[{index}]"
        name = checks.name(f"{place}.name", one.name, length_max=limits.ATTRIBUTE_NAME_LENGTH_MAX)
        if name in made:
            raise Invalid(f"{place}.name", f"Two attributes are called {quoted(name)}.")
        made[name] = _rule(one, place)
    return made


def _rule(one: CustomAttribute, place: str) -> Json:
    if len(one.values) > settings.attribute_values_max:
        raise Invalid(f"{place}.values", f"List at most {settings.attribute_values_max} values.")
    rule = {
        "fieldType": one.field_type.value,
        "target": one.target.value,
        "required": one.required,
        "initial": one.initial,
        "values": [],
    }
    for number, value in enumerate(one.values):
        if value is None or isinstance(value, list | dict):
            raise Invalid(f"{place}.values[{number}]", f"Give a value of type {one.field_type.value}.")
        check_value(rule, value, f"{place}.values[{number}]")
    rule["values"] = list(dict.fromkeys(one.values))
    check_value(rule, one.initial, f"{place}.initial")
    return rule


async def _predefined(session: WriteSession, attributes: Sequence[Predefined]) -> Json:
    made: Json = {}
    for index, one in enumerate(attributes):
        place = f"predefinedAttrs[{index}]"
        if one.attribute.name in made:
            raise Invalid(f"{place}.attribute", "Give each attribute once.")
        if len(one.values) > settings.attribute_values_max:
            raise Invalid(f"{place}.values", f"List at most {settings.attribute_values_max} values.")
        await _check_choices(session, one, f"{place}.values")
        made[one.attribute.name] = {"required": one.required, "values": list(one.values)}
    return made


async def _check_choices(session: WriteSession, one: Predefined, place: str) -> None:
    if one.attribute is PredefinedAttribute.SPECIES:
        known = await session.scalar(select(func.count()).where(Species.id.in_(one.values)))
        if known != len(set(one.values)):
            raise Invalid(place, "There is no such species.")
    elif one.attribute in CHOICES:
        names = {member.value for member in CHOICES[one.attribute]}
        if wrong := [value for value in one.values if value not in names]:
            raise Invalid(place, f"{quoted(str(wrong[0]))} is no value of this attribute.")
    elif one.values:
        raise Invalid(place, "The values of this attribute cannot be listed. Leave them out.")


def _order(place: str, names: Sequence[str], custom: Json, target: AttributeTarget) -> list[str]:
    own = {name for name, rule in custom.items() if rule["target"] == target.value}
    built_in = {"is_setup", "is_blank", "comments"} if target is AttributeTarget.STATIC else _of_observations()
    for index, name in enumerate(names):
        if name not in own | built_in:
            raise Invalid(f"{place}[{index}]", f"There is no attribute {quoted(name)} here.")
    if len(set(names)) < len(names):
        raise Invalid(place, "Give each attribute once.")
    return list(names)


def _of_observations() -> set[str]:
    of_every = {attribute.value.removesuffix("_id") for attribute in PredefinedAttribute}
    return of_every | {"individual_id", "count", "distance", "classification_confidence"}
