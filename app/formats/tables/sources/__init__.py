"""Files with tables: text, JSON, workbooks. Each is a source of rows."""
