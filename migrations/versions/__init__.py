"""One file a migration; once landed never edited."""
