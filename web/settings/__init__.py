"""Pages of settings: profile, organisation, senders, users, API tokens, audit trail."""
