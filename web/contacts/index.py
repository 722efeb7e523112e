"""The list of contacts."""

from collections.abc import Iterator
from typing import Any

from flask import Response, render_template, request, stream_with_context, url_for

from campaigns import clock
from campaigns.contacts import export_contacts, find, lists
from campaigns.contacts.names import full_name
from campaigns.db import read_session
from campaigns.errors import NotFound
from campaigns.ids import decode_id, encode_id
from campaigns.models.user import Role
from campaigns.scoring.explain import current_scores
from web.access import allow
from web.contacts.blueprint import blueprint


@blueprint.get("/")
@allow(Role.viewer)
def index() -> str:
    search, cursor = request.args.get("q", "").strip(), request.args.get("after") or None
    chosen = request.args.get("list", "")
    list_id = _read_list(chosen)
    with read_session() as session:
        page = find.find_contacts(session, search=search, list_id=list_id, cursor=cursor)
        count = find.count_contacts(session, search=search, list_id=list_id)
        ids = [row.id for row in page.contacts]
        scores = current_scores(session, contact_ids=ids, now=clock.now()) if ids else {}
        choices = lists.list_lists(session)
    here: dict[str, Any] = {"q": search or None, "list": chosen or None}
    return render_template(
        "contacts/list.html",
        contacts=page.contacts,
        count=count,
        scores=scores,
        search=search,
        chosen=chosen,
        lists=[(encode_id("list", row.id), row.name) for row in choices],
        is_narrowed=bool(search or list_id),
        full_name=full_name,
        encode_id=encode_id,
        export_url=url_for(".download", **here),
        newer_url=url_for(".index", **here) if cursor else None,
        older_url=url_for(".index", after=page.next_cursor, **here) if page.next_cursor else None,
    )


@blueprint.get("/contacts.csv")
@allow(Role.editor)
def download() -> Response:
    """The contacts that the page shows, all of them, as a file."""
    search, list_id = request.args.get("q", "").strip(), _read_list(request.args.get("list", ""))

    def lines() -> Iterator[str]:
        with read_session() as session:
            yield from export_contacts.contacts_csv(session, search=search, list_id=list_id)

    headers = {"Content-Disposition": 'attachment; filename="contacts.csv"'}
    return Response(stream_with_context(lines()), mimetype="text/csv", headers=headers)


def _read_list(public: str) -> int | None:
    """An unknown list in a bookmark shows everybody instead of an error page."""
    if not public:
        return None
    try:
        return decode_id("list", public)
    except NotFound:
        return None
