"""AI classification jobs: how they start, are followed on an AI Manager, and end."""
