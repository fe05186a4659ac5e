"""What is shown rather than promised."""
