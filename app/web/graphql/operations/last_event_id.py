"""`Last-Event-ID`: a subscription goes on after the event that its client saw last, as if `after` had named it."""

from dataclasses import replace
from typing import NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    parse_type,
    print_ast,
)

from app.web.graphql.errors import Refused

AFTER = "after"
VARIABLE = "_lastEventId"


class Resumable(NamedTuple):
    """How a subscription takes a place: the variable that names it, and the document that has such a variable."""

    variable: str
    text: str | None


def resumable(schema: GraphQLSchema, document: DocumentNode, node: OperationDefinitionNode) -> Resumable | None:
    """How a valid subscription takes a place; None if it tells nothing that could be resumed."""
    [field] = node.selection_set.selections
    if not isinstance(field, FieldNode):
        raise Refused([GraphQLError("'Last-Event-ID' works only for a subscription whose field is not in a fragment.")])
    assert schema.subscription_type, "the document is valid"
    argument = schema.subscription_type.fields[field.name.value].args.get(AFTER)
    if argument is None:
        return None
    arguments = {each.name.value: each for each in field.arguments or ()}
    after = arguments[AFTER].value if AFTER in arguments else None
    if isinstance(after, VariableNode):
        return Resumable(after.name.value, None)
    variable = VariableNode(name=NameNode(value=VARIABLE))
    arguments[AFTER] = ArgumentNode(name=NameNode(value=AFTER), value=variable)
    resumed = SelectionSetNode(selections=(replace(field, arguments=tuple(arguments.values())),))
    defined = VariableDefinitionNode(variable=variable, type=parse_type(str(argument.type)), directives=())
    variables = (*(node.variable_definitions or ()), defined)
    operation = replace(node, selection_set=resumed, variable_definitions=variables)
    whole = replace(document, definitions=tuple(operation if each is node else each for each in document.definitions))
    return Resumable(VARIABLE, print_ast(whole))
