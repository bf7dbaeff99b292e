"""People: signing up, in and out, and the teams they form."""
