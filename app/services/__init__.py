"""The verbs: one function per use case, each within a transaction its caller opens."""
