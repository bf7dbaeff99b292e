"""Limits of tables and their columns."""

COLUMN_NAME_LENGTH_MAX = 500
COLUMN_DESCRIPTION_LENGTH_MAX = 1_000
