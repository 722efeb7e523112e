"""Importing files of contacts: look at the file, map its columns, merge it in batches, report."""
