"""Who reads a public page, as far as its token says: verified without the database, in their language with it."""

import logging

from flask import current_app, g
from flask_babel import refresh
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from campaigns.db import read_session
from campaigns.models.campaign import Campaign, Content
from campaigns.models.mailing_list import MailingList
from campaigns.models.message import Message
from campaigns.models.sender import Sender
from campaigns.settings import Settings
from campaigns.signing import KeyRing, UnsubscribeRef

log = logging.getLogger(__name__)

DatabaseAway = SQLAlchemyError  # whatever it is, a subscriber must not wait for us to mend it


def key_ring() -> KeyRing:
    """Return the installation's keys."""
    ring: KeyRing = current_app.config["TIDINGS_KEY_RING"]
    return ring


def settings() -> Settings:
    """Return this process's settings."""
    current: Settings = current_app.config["TIDINGS_SETTINGS"]
    return current


def read_token(token: str) -> UnsubscribeRef:
    """Return who is behind a token of ``/u/`` or ``/p/`` and speak their language from here on.

    Raises :class:`campaigns.signing.BadToken`, which answers 404.
    """
    ref = key_ring().read_unsubscribe_token(token)
    try:
        with read_session() as session:
            speak_languages_of(session, campaign_id=ref.campaign_id, seq=ref.seq, list_id=ref.list_id)
    except DatabaseAway as error:
        log.warning("A public page does without the database: %s", type(error).__name__)
    return ref


def speak_languages_of(session: Session, *, campaign_id: int, seq: int, list_id: int | None = None) -> None:
    """Note the language of the message and that of its sender for this request."""
    g.message_language = session.scalar(
        select(Content.language)
        .join(Message, Message.campaign_id == Content.campaign_id)
        .where(
            Message.campaign_id == campaign_id,
            Message.seq == seq,
            Content.revision == Message.revision,
            Content.language_code == Message.language,
        )
        .limit(1)
    )
    by_campaign = select(Sender.language).join(Campaign, Campaign.sender_id == Sender.id)
    by_list = select(Sender.language).join(MailingList, MailingList.sender_id == Sender.id)
    g.sender_language = session.scalar(by_campaign.where(Campaign.id == campaign_id)) or session.scalar(
        by_list.where(MailingList.id == list_id)
    )
    refresh()
