"""Tests of campaigns/reporting."""
