"""Files of labels: GeoJSON and OpenStreetMap files read into footprints, checked one by one."""
