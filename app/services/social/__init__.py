"""What people say to each other, who is whose friend, and how people keep away from each other."""
