"""Documents parsed and validated once: the same text is not looked at again."""

import re
from collections import OrderedDict
from collections.abc import Callable

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.settings import settings
from app.web.errors import Refused

# The texts of all cached documents together. In memory a document weighs about 150 times its text.
CACHED_CHARACTERS_MAX = 500_000
VALIDATION_ERRORS_MAX = 20
# The one character that PostgreSQL cannot keep, as it is or escaped in a text.
NUL = re.compile(r"\0|\\u(0000|\{0+\})")
RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


class Documents:
    """A bounded memory of valid documents, the longest unused forgotten first."""

    def __init__(self, schema: GraphQLSchema, check: Callable[[DocumentNode], None]) -> None:
        self._schema = schema
        self._check = check
        self._known: OrderedDict[str, DocumentNode] = OrderedDict()
        self._characters = 0

    def get(self, text: str) -> DocumentNode:
        """The document of this text, or `Refused` with all that is wrong with it."""
        if text in self._known:
            self._known.move_to_end(text)
            return self._known[text]
        document = self._read(text)
        self._remember(text, document)
        return document

    def _read(self, text: str) -> DocumentNode:
        if NUL.search(text):
            raise Refused([GraphQLError("A document may not hold the character U+0000.")])
        try:
            document = parse(
                text,
                max_source_length=settings.document_characters_max,
                max_lexical_tokens=settings.document_tokens_max,
                max_comments=settings.document_tokens_max,
            )
            # Before validation, which is the part that a hostile document makes slow.
            self._check(document)
        except GraphQLError as error:
            raise Refused([error]) from None
        errors = validate(self._schema, document, RULES, max_errors=VALIDATION_ERRORS_MAX)
        if errors:
            raise Refused(errors)
        return document

    def _remember(self, text: str, document: DocumentNode) -> None:
        self._known[text] = document
        self._characters += len(text)
        while len(self._known) > settings.documents_cached_max or self._characters > CACHED_CHARACTERS_MAX:
            forgotten, _ = self._known.popitem(last=False)
            self._characters -= len(forgotten)


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The operation meant, or `Refused`."""
    found = get_operation_ast(document, name)
    if found is not None:
        return found
    if name is not None:
        raise Refused([GraphQLError(f"There is no operation named '{name}' in this document.")])
    raise Refused([GraphQLError("The document has several operations: 'operationName' must say which is meant.")])
