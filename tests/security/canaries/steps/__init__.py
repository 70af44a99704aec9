"""What can happen in a meeting, by topic; each file ends with its table."""
