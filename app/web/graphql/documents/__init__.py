"""Documents: parsed once, stored by hash, and queried page by page."""
