"""Classifications, the projects that they are made in, and classificators."""
