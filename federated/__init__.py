"""A fleet that learns: the device's client, aggregation that survives liars, the server."""
