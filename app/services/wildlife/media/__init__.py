"""Media: how they arrive, are read, dated, grouped and shown."""
