"""How fields are answered: plain functions in the domain's words."""
