"""Jobs of local providers: the same jobs as those of AI Managers, done by this installation's own worker."""
