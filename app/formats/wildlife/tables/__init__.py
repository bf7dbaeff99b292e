"""Tables of camera-trap data as CSV: classifications, places, taxa, Wildlife Insights."""
