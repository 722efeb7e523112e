"""The tidings command."""
