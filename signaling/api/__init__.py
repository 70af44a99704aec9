"""The REST API, one file a resource. `table.ROUTES` is the whole of it."""
