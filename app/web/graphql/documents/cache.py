"""Documents parsed and validated once: the same text is not looked at again."""

import re
from collections.abc import Callable
from typing import Any, Protocol

from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    ValuesOfCorrectTypeRule,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.lru import LRU
from app.settings import settings
from app.web.graphql.errors import Refused
from app.web.graphql.operations.coercion import ValuesFitRule
from app.web.graphql.operations.operation import ArgumentCheck, Execution, Plans, Prepared, Sizes

# The texts of all cached documents together. In memory a document with its plan weighs about 250 times its text.
CACHED_CHARACTERS_MAX = 250_000
VALIDATION_ERRORS_MAX = 20
# The one character that PostgreSQL cannot keep, as it is or escaped in a text.
NUL = re.compile(r"\0|\\u(0000|\{0+\})")
RULES = (
    *(ValuesFitRule if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules),
    OneOfInputValidationRule,
)


class Limits(Protocol):
    """How large a document may be."""

    def check(self, document: DocumentNode) -> None:
        """Raise a GraphQLError for a document whose shape is too large to be validated."""

    @property
    def request_bytes_max(self) -> int:
        """The size limit of any request."""

    def sizes(self, document: DocumentNode, operation: OperationDefinitionNode) -> Sizes:
        """How many bytes a request with a valid document's operation may have, and how large its variables may be."""

    def claims_first(self, document: DocumentNode, operation: OperationDefinitionNode) -> bool:
        """Whether what a valid document's operation came to before is looked for while it is carried out."""

    def meter(self, document: DocumentNode, operation: OperationDefinitionNode) -> Callable[[dict[str, Any]], int]:
        """Tells what a valid document's operation costs with given variables, or a GraphQLError if it may not run."""

    def arguments(self, document: DocumentNode, operation: OperationDefinitionNode) -> ArgumentCheck | None:
        """Tells what is wrong with the arguments of a valid document's operation, with coerced variables.

        None if nothing can be, whatever the variables are and whoever asks.
        """


class Documents:
    """A bounded memory of valid documents and their operations, the longest unused forgotten first."""

    def __init__(self, execution: Execution, limits: Limits, plans: Plans | None = None) -> None:
        self._execution = execution
        self._limits = limits
        self._plans = plans
        self._known: LRU[str, dict[str | None, Prepared]] = LRU(
            lambda: settings.documents_cached_max, weigh=len, weight_max=CACHED_CHARACTERS_MAX
        )

    def get(self, text: str, name: str | None = None) -> Prepared:
        """The operation meant in the document of this text, or `Refused` with all that is wrong with it."""
        characters_max = settings.document_characters_max
        if len(text) > characters_max:
            # Before anything looks into it: ten million characters take the event loop a quarter of a second to search.
            message = f"Syntax Error: Source contains more than {characters_max} code points. Parsing aborted."
            raise Refused([GraphQLError(message)])
        operations = self._known.get(text)
        if operations is None:
            operations = self._prepared(self._read(text))
            self._known.put(text, operations)
        operation = operations.get(name)
        if operation is not None:
            return operation
        if name is not None:
            raise Refused([GraphQLError(f"There is no operation named '{name}' in this document.")])
        raise Refused([GraphQLError("The document has several operations. Set 'operationName' to the one to run.")])

    def known(self, text: str, name: str | None = None) -> Prepared | None:
        """The same, if it has been looked at before."""
        operations = self._known.get(text)
        return None if operations is None else operations.get(name)

    def _prepared(self, document: DocumentNode) -> dict[str | None, Prepared]:
        """The operations by their names, and the only one without it, too."""
        nodes = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        operations: dict[str | None, Prepared] = {}
        for node in nodes:
            cost, sizes = self._limits.meter(document, node), self._limits.sizes(document, node)
            check = self._limits.arguments(document, node)
            prepared = Prepared(
                self._execution,
                document,
                node,
                cost=cost,
                sizes=sizes,
                check=check,
                claims_first=self._limits.claims_first(document, node),
                plans=self._plans,
            )
            operations[prepared.name] = prepared
            if len(nodes) == 1:
                operations[None] = prepared
        return operations

    def _read(self, text: str) -> DocumentNode:
        if NUL.search(text):
            raise Refused([GraphQLError("A document may not contain the character U+0000.")])
        try:
            document = parse(
                text,
                max_lexical_tokens=settings.document_tokens_max,
                max_comments=settings.document_tokens_max,
            )
            # Before validation, which is the part that a hostile document makes slow.
            self._limits.check(document)
        except GraphQLError as error:
            raise Refused([error]) from None
        errors = validate(self._execution.schema, document, RULES, max_errors=VALIDATION_ERRORS_MAX)
        if errors:
            raise Refused(errors)
        return document
