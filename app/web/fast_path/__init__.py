"""Small POST /graphql requests answered by the HTTP protocol itself."""
