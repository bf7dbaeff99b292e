"""GraphQL types for classificators."""

import strawberry
from strawberry import auto

from app.models.wildlife import classificators as tables
from resolvers.wildlife.classifications import classificators as resolve
from schema.accounts import User
from schema.deleted import Deleted
from schema.fields import Connection, connection, field, many, mutation, one
from schema.problems import Conflict, InvalidInput
from schema.row import Row


class Classificator(Row, of=tables.Classificator):
    name: auto
    description: auto
    disabled_at: auto
    created_at: auto
    last_modified: auto
    owner: User | None = one(tables.Classificator.owner)
    copy_of: "Classificator | None" = one(tables.Classificator.copy_of)
    versions: Connection["ClassificatorVersion"] = many(tables.Classificator.versions)


class ClassificatorVersion(Row, of=tables.ClassificatorVersion):
    number: auto
    predefined_attrs: auto
    custom_attrs: auto
    static_attrs_order: auto
    dynamic_attrs_order: auto
    created_at: auto
    classificator: Classificator = one(tables.ClassificatorVersion.classificator, needs_read=True)


@strawberry.type
class ClassificatorsQuery:
    classificator: Classificator | None = field(resolve.classificator)
    classificators: Connection[Classificator] = connection(resolve.classificators, order=resolve.ClassificatorOrder)


@strawberry.type
class ClassificatorsMutation:
    create_classificator: Classificator | InvalidInput | Conflict = mutation(resolve.create_classificator)
    update_classificator: Classificator | InvalidInput | Conflict = mutation(resolve.update_classificator)
    delete_classificator: Deleted | Conflict = mutation(resolve.delete_classificator)
