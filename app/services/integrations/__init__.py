"""Use cases of programs: webhooks that tell them, and queries over whole lists."""
