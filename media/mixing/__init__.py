"""One sound made of several, for a listener who cannot mix. A process of its own."""
