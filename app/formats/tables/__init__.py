"""Tables from outside: what they are, and their rows. Nothing here knows the database.

A table is text here: workbooks and JSON are turned into the texts that a person would write. `reading.read` says how a
table is read, and `lines.write` reads it that way.
"""
