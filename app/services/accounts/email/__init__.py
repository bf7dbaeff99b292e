"""Email about accounts: addresses, templates, tokens."""
