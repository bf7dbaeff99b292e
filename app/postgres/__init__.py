"""PostgreSQL below sessions: connections, prepared statements, replicas, and what follows a commit."""
