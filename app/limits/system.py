"""Limits of banners."""

BANNER_LENGTH_MAX = 500
