"""Tests of workers and scheduler."""
