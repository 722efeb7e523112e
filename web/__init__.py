"""The Flask UI, the JSON API and the public pages."""
