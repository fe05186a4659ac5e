"""Records of the past, judged by today's guards."""
