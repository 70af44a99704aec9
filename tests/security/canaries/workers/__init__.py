"""Media workers with a fault each, to be run in the place of `media.worker`."""
