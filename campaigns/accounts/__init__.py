"""Who may use the installation: users, sign-in, API tokens, the audit trail, first set-up."""
