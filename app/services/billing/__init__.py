"""Use cases of money: posting, reserving, granting."""
