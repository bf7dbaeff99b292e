"""Locations and deployments, tables of them, and calibrations."""
