"""From bars to proposals: indicators, the kind of market, strategies. Pure and incremental."""
