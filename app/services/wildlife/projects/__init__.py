"""Research projects and their members."""
