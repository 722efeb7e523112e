"""Saved rules over contacts, compiled to one SQL select when used."""
