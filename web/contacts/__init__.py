"""Pages of contacts: the list, one person, adding and changing."""
