"""Candidates: each way to learn from a table."""
