"""Classification projects, their members, collections and classificators."""
