"""Columns of a table: their names, datatypes, roles, statistics and values."""
