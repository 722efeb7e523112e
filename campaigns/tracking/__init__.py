"""Hits caught, shipped, judged and turned into events."""
