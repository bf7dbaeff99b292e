"""Shapes, their coordinates, and the tiles that they touch."""
