"""Tests of delivery: the local inbox, transports, sending."""
