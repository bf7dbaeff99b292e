"""Files: uploads, how many bytes are kept, and files without a row."""
