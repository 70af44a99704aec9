"""Marks in everything that is sent and written in real meetings, and a watch over where they turn up."""
