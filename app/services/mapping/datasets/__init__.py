"""Datasets and their areas."""
