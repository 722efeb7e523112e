"""The JSON API under /api/v1: bearer tokens, opaque ids, cursor paging, problem details, described by OpenAPI."""
