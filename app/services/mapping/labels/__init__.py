"""Labels: drawn, uploaded, fetched from OpenStreetMap, exported."""
