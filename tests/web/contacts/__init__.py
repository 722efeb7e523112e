"""Pages of contacts, lists, imports and suppressions."""
