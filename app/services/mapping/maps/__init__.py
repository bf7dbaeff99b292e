"""Vector tiles and overviews."""
