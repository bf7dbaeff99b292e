"""The verbs: one function per use case, each within a transaction its caller opens."""

from app.policies import accounts, mapping, social, system  # noqa: F401 -- registers every rule
