"""Classifications: what AI and people see, and what is approved of it."""
