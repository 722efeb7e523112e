"""Accounts: people, passwords, links, tokens, the audit trail."""
