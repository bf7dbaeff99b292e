"""Top-ups: by card, automatic, and what comes from outside."""
