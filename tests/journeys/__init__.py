"""Journeys over real processes."""
