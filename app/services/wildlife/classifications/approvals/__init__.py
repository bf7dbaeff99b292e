"""Approvals of classifications: one by one, in bulk, and by feedback."""
