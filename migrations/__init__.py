"""Alembic migrations; once landed never edited."""
