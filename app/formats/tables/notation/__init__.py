"""How texts of cells are written: numbers, dates, missing values, languages, encodings."""
