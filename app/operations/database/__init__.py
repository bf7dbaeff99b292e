"""The database for operators: migrations, roles, sequences, poolers, backups."""
