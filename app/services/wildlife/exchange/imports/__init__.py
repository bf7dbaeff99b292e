"""Imports: files matched with media, and written as observations."""
