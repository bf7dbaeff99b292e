"""Teams, memberships and invitations."""
