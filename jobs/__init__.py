"""What runs later: a module or package for each domain, and the worker that runs them."""
