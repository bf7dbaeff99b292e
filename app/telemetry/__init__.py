"""What is known of a process at work: logs, traces, and the cost of each request."""
