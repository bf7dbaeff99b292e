"""What operators run: starting, migrating, checking and repairing an installation."""
