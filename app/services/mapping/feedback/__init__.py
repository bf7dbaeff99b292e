"""Feedback on predictions, and the corrections that trainings learn from."""
