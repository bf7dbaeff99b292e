"""Files of media: uploaded, unpacked, fetched, read, and pruned."""
