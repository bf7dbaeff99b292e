"""GraphQL enums: the enums of tables and services, as arguments and fields show them."""

import re
from enum import Enum
from inspect import cleandoc
from typing import TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

E = TypeVar("E", bound=type[Enum])
# A line, and those that continue it, further in.
VALUE_LINE = re.compile(r"^([A-Z][A-Z0-9_]*): (.+(?:\n +.+)*)$", re.MULTILINE)


def summary(kind: type[Enum]) -> str:
    """What an enum's docstring says of all values together."""
    return VALUE_LINE.sub("", cleandoc(kind.__doc__ or "")).strip()


def show_enum(kind: E, *, name: str | None = None, description: str | None = None) -> E:
    """Makes a GraphQL enum of an enum.

    Its docstring is the description, with one line `VALUE: text.` for each value. The values of an open enum are
    described where they are declared.
    """
    shown = strawberry.enum(kind, name=name, description=description or summary(kind))
    definition: StrawberryEnumDefinition = shown.__strawberry_definition__  # type: ignore[attr-defined]
    declared = {member.name: type(member) for member in kind}
    for value in definition.values:
        texts = dict(VALUE_LINE.findall(cleandoc(declared[value.name].__doc__ or "")))
        if text := texts.get(value.name):
            value.description = " ".join(text.split())
    return shown
