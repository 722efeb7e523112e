"""Mails as data: one folder a mail, with body.mjml, subject.txt and sample.json."""
