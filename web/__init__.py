"""The built web pages, as package data."""

from pathlib import Path

DIST = Path(__file__).parent / "dist"
