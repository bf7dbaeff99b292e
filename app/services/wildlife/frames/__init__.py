"""Files of frames: stored by their content, read by ranges, indexed by project."""
