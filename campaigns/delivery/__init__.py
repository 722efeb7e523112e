"""Freezing an audience, claiming batches, handing messages to SMTP, accounting for every person."""
