"""The engine: contacts in, tracked campaigns out. Knows no Flask; only queue.py knows RQ."""
