"""Pages for people: the guide, GraphiQL, account pages."""
