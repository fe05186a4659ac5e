"""Messages to people and from them; never in the path of an order."""
