"""Inputs: cells, texts and columns as numbers."""
