"""The processes of an installation: servers, API processes, and how they are started and stopped."""
