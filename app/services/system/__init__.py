"""What the other domains stand on: the life of jobs, telling people, and keeping who changed what."""
