"""How fields about tables and machines are answered."""
