"""Tests of the command line: start, stop, backup."""
