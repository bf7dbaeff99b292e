"""Camtrap DP, the exchange format for camera-trap data: versions 1.0 to 1.0.2 are read, 1.0.2 is written."""
