"""Tiles, areas and labels in a folder as arrays: read, cut into chips, turned and compared."""
