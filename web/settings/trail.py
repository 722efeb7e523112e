"""The audit trail, the newest first."""

from flask import request

from campaigns.accounts.audit import list_entries
from campaigns.db import read_session
from web.access import allow
from web.settings.blueprint import blueprint, render
from web.settings.deeds import describe_deed, name_subjects

PAGE = 50


@blueprint.get("/audit")
@allow("owner")
def audit() -> str:
    before = request.args.get("before", "")
    before_id = int(before) if before.isdecimal() and len(before) < 19 else None
    with read_session() as session:
        entries = list_entries(session, before_id=before_id, limit=PAGE + 1)
        older = entries[PAGE - 1].id if len(entries) > PAGE else None
        return render(
            "audit.html",
            entries=entries[:PAGE],
            subjects=name_subjects(session, entries[:PAGE]),
            describe_deed=describe_deed,
            before=before_id,
            older=older,
        )
