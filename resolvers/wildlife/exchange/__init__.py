"""Imports and exports of camera-trap data."""
