"""What happened, counted: campaign reports, timelines, charts."""
