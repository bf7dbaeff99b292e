"""Locations and deployments."""
