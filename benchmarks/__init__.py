"""Measurements against a yardstick in the same run."""
