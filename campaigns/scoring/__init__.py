"""Engagement: a decaying score folded from a contact's entries."""
