"""The meeting as a functional core: it decides, and does no I/O."""
