"""A gateway that cannot tell it is not real: exchange, market, time and wire, from one seed."""
