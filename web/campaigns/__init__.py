"""Pages of campaigns: written, aimed, checked, sent, watched, reported."""
