"""What the other domains build on: jobs, notifications, the audit log."""
