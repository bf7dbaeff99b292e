"""Camera-trap data from files, and for others."""
