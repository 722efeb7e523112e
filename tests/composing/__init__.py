"""Tests of campaigns/composing."""
