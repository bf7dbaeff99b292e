"""Features written as files: GeoJSON, GPX, FlatGeobuf, OSM XML, PMTiles."""
