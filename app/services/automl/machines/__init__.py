"""Machines and their lines: made of a table, changed, copied and removed."""
