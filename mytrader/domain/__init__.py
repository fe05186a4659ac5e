"""Facts and values: what the desk talks about, without clocks, sockets or settings."""
