"""Files of camera-trap data: each format is read as a stream of records, with what is wrong in it."""
