"""E-mail about accounts: addresses, templates, tokens."""
