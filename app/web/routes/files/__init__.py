"""Files behind links: downloads, pictures, tiles."""
