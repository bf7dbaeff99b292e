"""Classificators and their versions."""

from typing import Any

import strawberry
from sqlalchemy import Select
from strawberry.scalars import JSON

from app import checks
from app.limits.wildlife import PROJECT_NAME_LENGTH_MAX
from app.models.wildlife.classificators import Classificator
from app.models.wildlife.species import Species
from app.pagination import Order
from app.policies import visible
from app.services.wildlife.classification_projects import classificators as service
from app.services.wildlife.classification_projects.classificators import CustomAttribute, Form, Predefined
from app.services.wildlife.classifications.attributes import AttributeTarget, AttributeType, PredefinedAttribute
from resolvers import ids
from resolvers.context import Info
from resolvers.deleted import Deleted
from resolvers.loaders import RowOrReference
from resolvers.optional_arguments import provided
from resolvers.wildlife import choices  # noqa: F401 -- registers the enums that inputs name


class ClassificatorOrder(Order):
    """By age or by name.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    NAME: By name, from A to Z.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    NAME = ("name", False)


@strawberry.input(description="An attribute of a project's own.")
class CustomAttributeInput:
    """An attribute of a project's own."""

    name: str = strawberry.field(description="The name, by which classifications give it.")
    field_type: AttributeType = strawberry.field(description="The type of its values.")
    target: AttributeTarget = strawberry.field(
        default=AttributeTarget.DYNAMIC, description="Whether it describes the whole medium, or one observation."
    )
    required: bool = strawberry.field(default=False, description="Whether people must give it.")
    initial: JSON | None = strawberry.field(default=None, description="The value that a form shows first.")
    values: list[JSON] = strawberry.field(default_factory=list, description="The accepted values; any, if empty.")


@strawberry.input(description="What a classificator asks of an attribute that every classification has.")
class PredefinedAttributeInput:
    """What a classificator asks of an attribute that every classification has."""

    attribute: PredefinedAttribute = strawberry.field(description="The attribute.")
    required: bool = strawberry.field(default=False, description="Whether people must give it of each animal.")
    values: list[str] = strawberry.field(
        default_factory=list, description="The accepted values, of species their ids; any, if empty."
    )


@strawberry.input(description="The form of a classificator: which attributes classifications have.")
class ClassificatorFormInput:
    """The form of a classificator."""

    predefined_attrs: list[PredefinedAttributeInput] = strawberry.field(
        default_factory=list, description="What is asked of the attributes of every classification."
    )
    custom_attrs: list[CustomAttributeInput] = strawberry.field(
        default_factory=list, description="The project's own attributes."
    )
    static_attrs_order: list[str] = strawberry.field(
        default_factory=list, description="The order in which a form shows the attributes of the whole medium."
    )
    dynamic_attrs_order: list[str] = strawberry.field(
        default_factory=list, description="The order in which a form shows the attributes of an observation."
    )


def _form(provided: ClassificatorFormInput | None) -> Form | None:
    if provided is None:
        return None
    custom = [
        CustomAttribute(one.name, one.field_type, one.target, one.required, one.initial, one.values)
        for one in provided.custom_attrs
    ]
    predefined = [Predefined(one.attribute, one.required, _values(one)) for one in provided.predefined_attrs]
    return Form(predefined, custom, provided.static_attrs_order, provided.dynamic_attrs_order)


def _values(one: PredefinedAttributeInput) -> list[Any]:
    if one.attribute is PredefinedAttribute.SPECIES:
        return [ids.key(value, Species) for value in one.values]
    return list(one.values)


async def classificator(info: Info, id: strawberry.ID) -> RowOrReference[Classificator]:
    """A classificator by its id.

    id: The id of the classificator.
    """
    return await info.context.find(Classificator, id)


def classificators(info: Info, search: str | None = None, in_use: bool | None = None) -> Select[Classificator]:
    """Classificators, the forms by which media are classified.

    search: Only classificators whose name contains this text, ignoring case.
    in_use: Only those that projects may choose, or only those that were taken out of use.
    """
    query = visible(Classificator, info.context.viewer)
    if in_use is not None:
        query = query.where(Classificator.disabled_at.is_(None) == in_use)
    sought = checks.optional_text("search", search, length_max=PROJECT_NAME_LENGTH_MAX)
    return query if sought is None else query.where(Classificator.name.icontains(sought, autoescape=True))


async def create_classificator(
    info: Info,
    name: str,
    description: str | None = None,
    copy_of_id: strawberry.ID | None = None,
    form: ClassificatorFormInput | None = None,
) -> Classificator:
    """Creates a classificator with its first version.

    name: The name, unique among all classificators, ignoring case.
    description: A description.
    copy_of_id: The classificator to copy; its newest form by default.
    form: The attributes.
    """
    async with info.context.writing() as session:
        return await service.create_classificator(
            session,
            info.context.viewer,
            name=name,
            description=description,
            copy_of_id=None if copy_of_id is None else ids.key(copy_of_id, Classificator),
            form=_form(form),
        )


async def update_classificator(
    info: Info,
    id: strawberry.ID,
    name: strawberry.Maybe[str] = None,
    description: strawberry.Maybe[str | None] = None,
    form: ClassificatorFormInput | None = None,
) -> Classificator:
    """Updates the given fields. A form makes a new version; what was classified before is not changed. For the owner.

    id: The classificator.
    name: The new name.
    description: The new description; null clears it.
    form: All attributes of the new version.
    """
    changes = provided(name=name, description=description)
    async with info.context.writing() as session:
        return await service.update_classificator(
            session, info.context.viewer, ids.key(id, Classificator), changes, form=_form(form)
        )


async def delete_classificator(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a classificator. If classifications follow it, it is kept and taken out of use. For its owner.

    id: The classificator.
    """
    async with info.context.writing() as session:
        return Deleted.of(await service.delete_classificator(session, info.context.viewer, ids.key(id, Classificator)))
