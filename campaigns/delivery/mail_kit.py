"""What a pump needs to write one campaign's mails: contents prepared once, then filled for each person."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.delivery.compile_revision import ContentKey, load_compiled
from campaigns.delivery.mail_context import load_context
from campaigns.delivery.outcome import Outcome
from campaigns.delivery.recipients import attribute_names, make_recipient
from campaigns.delivery.transport import Mail
from campaigns.delivery.window import Addressee
from campaigns.models.campaign import Campaign, CompiledTemplate, Content
from campaigns.models.mailing_list import MailingList
from campaigns.models.message import MessageState, Reason
from campaigns.rendering.content import MailContext
from campaigns.rendering.evaluate import MissingValue
from campaigns.rendering.headers import UnusableAddress
from campaigns.rendering.prepare import PreparedContent, prepare
from campaigns.rendering.program import TooMuchOutput
from campaigns.signing import KeyRing


class MailKit:
    """One campaign's mails. :meth:`load` reads what is missing; :meth:`write` needs no database."""

    def __init__(self, *, campaign_id: int, key_ring: KeyRing, public_url: str) -> None:
        self.campaign_id = campaign_id
        self._key_ring = key_ring
        self._public_url = public_url
        self._context: MailContext | None = None
        self._needs_consent = False
        self._names: dict[str, str] = {}
        self._contents: dict[tuple[int, int, bool], PreparedContent] = {}
        self._revisions: set[int] = set()

    def load(self, session: Session, *, revision: int) -> None:
        """Read the contents of a revision, unless they have been read already."""
        if revision in self._revisions:
            return
        self._context = load_context(session, campaign_id=self.campaign_id, public_url=self._public_url)
        self._needs_consent = session.get_one(MailingList, self._context.list_id).tracking_needs_consent
        self._names = attribute_names(session)
        query = (
            select(Content.language, Content.language_code, Content.variant)
            .join(
                CompiledTemplate,
                (CompiledTemplate.campaign_id == Content.campaign_id)
                & (CompiledTemplate.revision == Content.revision)
                & (CompiledTemplate.variant == Content.variant)
                & (CompiledTemplate.language == Content.language),
            )
            .where(Content.campaign_id == self.campaign_id, Content.revision == revision)
        )
        default = session.get_one(Campaign, self.campaign_id).default_language
        for language, code, variant in session.execute(query):
            self._prepare(session, ContentKey(revision, variant, language), code, is_default=language == default)
        self._revisions.add(revision)

    def _prepare(self, session: Session, key: ContentKey, code: int, *, is_default: bool) -> None:
        assert self._context is not None
        compiled = load_compiled(session, campaign_id=self.campaign_id, key=key)
        modes = {self._context.tracking, False}
        for tracking in modes:
            context = MailContext(**{**vars(self._context), "tracking": tracking})
            prepared = prepare(compiled, context, self._key_ring)
            self._contents[key.revision, code, tracking] = prepared
            if is_default:
                self._contents[key.revision, -1, tracking] = prepared

    def write(self, addressee: Addressee, *, now: datetime) -> Mail | Outcome:
        """Return the person's mail, or why they get none: a value is missing, or the mail cannot be written."""
        person = addressee.person
        prepared = self._choose(addressee)
        recipient = make_recipient(
            contact_id=person.contact_id,
            email=person.email,
            given_name=addressee.given_name,
            family_name=addressee.family_name,
            own_greeting=addressee.greeting,
            language=prepared.compiled.language,
            time_zone=addressee.time_zone,
            attributes=addressee.attributes,
            names=self._names,
        )
        token = self._key_ring.unsubscribe_token(
            list_id=prepared.context.list_id,
            contact_id=person.contact_id,
            address_hash=person.address_hash,
            campaign_id=self.campaign_id,
            seq=person.seq,
        )
        try:
            filled = prepared.fill(recipient, seq=person.seq, unsubscribe_token=token, now=now)
        except MissingValue as error:
            return Outcome(person, MessageState.skipped, Reason.missing_value, error.field)
        except (UnusableAddress, TooMuchOutput) as error:
            return Outcome(person, MessageState.failed, Reason.cannot_be_rendered, str(error))
        return Mail(filled.envelope_from, filled.envelope_to, filled.raw)

    def _choose(self, addressee: Addressee) -> PreparedContent:
        """The person's language, or the default one; tracked only as far as list and person allow (rule G2)."""
        assert self._context is not None
        # Who said no is never tracked; who said nothing only where the list needs no consent.
        said = addressee.tracking_consent
        consents = said if said is not None else not self._needs_consent
        tracking = self._context.tracking and consents
        revision = addressee.person.revision
        found = self._contents.get((revision, addressee.language, tracking))
        return found or self._contents[revision, -1, tracking]
