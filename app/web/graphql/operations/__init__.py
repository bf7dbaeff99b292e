"""One operation: its request, its values, its cost and its result."""
