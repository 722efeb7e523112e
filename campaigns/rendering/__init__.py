"""MJML and merge tags in, a wire template out: once per revision."""
