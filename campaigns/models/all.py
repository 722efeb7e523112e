"""Every table, imported once so that ``Base.metadata`` is complete."""

from campaigns.db import Base
from campaigns.models import (
    api_token,
    audit,
    campaign,
    contact,
    contact_import,
    engagement,
    event,
    hit,
    installation,
    mailing_list,
    membership,
    message,
    outbox,
    segment,
    sender,
    sign_in,
    suppression,
    user,
    work,
)

MODULES = (
    api_token, audit, campaign, contact, contact_import, engagement, event, hit, installation, mailing_list,
    membership, message, outbox, segment, sender, sign_in, suppression, user, work,
)  # fmt: skip
metadata = Base.metadata
