"""Predictions: their lifecycle, their parts, their files."""
