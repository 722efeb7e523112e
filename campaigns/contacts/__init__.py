"""Contacts, lists, consent, suppression, and importing them."""
