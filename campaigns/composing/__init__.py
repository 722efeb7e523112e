"""What a campaign says and to whom: drafts, their contents and revisions, the audience's choice."""
