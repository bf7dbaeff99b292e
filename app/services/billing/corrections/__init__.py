"""Corrections: adjustments and reversals that one of the staff proposes, and another one posts."""
