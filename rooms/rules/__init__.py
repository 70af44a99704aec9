"""The rules behind `rooms.decide`, by topic. Each is a generator of events that may raise `Rejected`."""
