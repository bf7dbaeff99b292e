"""The names of list types, where the usual one is taken by an entity."""

from collections.abc import Sequence

from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import StrawberryObjectDefinition, StrawberryType

# An AIProviderConnection is a connection to an AI Manager, and no page of AI providers.
TAKEN = {"AIProviderConnection": "AIProvidersConnection"}


class Names(NameConverter):
    """Names the list of a type `<type>Connection`, unless that is the name of something else."""

    def from_generic(self, generic_type: StrawberryObjectDefinition, types: Sequence[StrawberryType | type]) -> str:
        """The name of a generic type."""
        name = super().from_generic(generic_type, list(types))
        return TAKEN.get(name, name)
