"""The list of segments, one segment, who is in it, and what can be done with it as a whole."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from campaigns import clock
from campaigns.db import read_session, transaction
from campaigns.ids import decode_id, encode_id
from campaigns.models.user import Role
from campaigns.segments import count, saved
from campaigns.segments.operands import InvalidRule
from campaigns.segments.sentence import describe_many
from web.access import allow
from web.segments import words
from web.segments.blueprint import blueprint, note, read_id
from web.segments.builder import result_of
from web.visitor import current_visitor

PAGE = 50


@blueprint.get("")
@allow(Role.viewer)
def index() -> str:
    archived = request.args.get("show") == "archived"
    search = request.args.get("q", "").strip()[:200]
    before = request.args.get("before")
    with read_session() as session:
        rows = saved.list_segments(
            session, archived=archived, search=search, before_id=read_id(before) if before else None, limit=PAGE + 1
        )
        shown = rows[:PAGE]
        used = saved.list_using_campaigns(session, segment_ids=[row.id for row in shown])
        said = describe_many(session, many={row.id: row.rules for row in shown})
    uses: dict[int, int] = {}
    for using in used:
        uses[using.segment_id] = uses.get(using.segment_id, 0) + 1
    following = encode_id("segment", shown[-1].id) if len(rows) > PAGE else None
    return render_template(
        "segments/list.html",
        rows=shown,
        sentences={key: words.sentence_or_fault(each) for key, each in said.items()},
        uses=uses,
        archived=archived,
        search=search,
        before=before,
        following=following,
    )


@blueprint.get("/<segment_id>")
@allow(Role.viewer)
def show(segment_id: str) -> str:
    counts_now = request.args.get("count") == "now"
    with read_session() as session:
        row = saved.get_segment(session, segment_id=read_id(segment_id))
        used = saved.list_using_campaigns(session, segment_ids=[row.id])
        said = describe_many(session, many={row.id: row.rules})[row.id]
        result = result_of(session, rules=row.rules, now=clock.now()) if counts_now else None
    return render_template(
        "segments/show.html",
        row=row,
        segment_id=segment_id,
        used=used,
        sentence=words.sentence_or_fault(said),
        result=result,
    )


@blueprint.get("/<segment_id>/count")
@allow(Role.viewer)
def count_now(segment_id: str) -> str:
    """Answer the number alone, for a list of segments, or with ``people=1`` the number and five people."""
    with_people = request.args.get("people") == "1"
    with read_session() as session:
        row = saved.get_segment(session, segment_id=read_id(segment_id))
        result = result_of(session, rules=row.rules, now=clock.now())
    template = "segments/counted.html" if with_people else "segments/number.html"
    return render_template(template, result=result, segment_id=segment_id)


@blueprint.get("/<segment_id>/people")
@allow(Role.viewer)
def people(segment_id: str) -> str:
    before = request.args.get("before")
    before_id = decode_id("contact", before) if before else None
    problem = None
    rows: list[count.MatchingContact] = []
    with read_session() as session:
        row = saved.get_segment(session, segment_id=read_id(segment_id))
        try:
            rows = count.list_matching(session, rules=row.rules, now=clock.now(), before_id=before_id, limit=PAGE + 1)
        except InvalidRule as error:
            problem = words.fault(error)
        except count.CountTookTooLong:
            problem = _("Finding these people took too long. Try again, or use fewer conditions.")
    following = encode_id("contact", rows[PAGE - 1].id) if len(rows) > PAGE else None
    return render_template(
        "segments/people.html",
        row=row,
        segment_id=segment_id,
        people=rows[:PAGE],
        problem=problem,
        before=before,
        following=following,
    )


@blueprint.post("/<segment_id>/duplicate")
@allow(Role.editor)
def duplicate(segment_id: str) -> Response:
    with transaction() as session:
        row = saved.get_segment(session, segment_id=read_id(segment_id))
        name = _("Copy of %(name)s", name=row.name)[: saved.MAX_NAME]
        visitor = current_visitor()
        author = visitor.user_id if visitor else None
        copy = saved.duplicate_segment(session, segment_id=row.id, name=name, now=clock.now(), created_by=author)
        note(session, "segment.created", copy.id)
    flash(_("This is the copy. Give it a name and change what differs."), "good")
    return redirect(url_for("segments.edit", segment_id=encode_id("segment", copy.id)), 303)


@blueprint.post("/<segment_id>/archive")
@allow(Role.editor)
def archive(segment_id: str) -> Response:
    with transaction() as session:
        row = saved.archive_segment(session, segment_id=read_id(segment_id), now=clock.now())
        note(session, "segment.archived", row.id)
    flash(_("Archived. Campaigns that use it keep it."), "good")
    return redirect(url_for("segments.index"), 303)


@blueprint.post("/<segment_id>/restore")
@allow(Role.editor)
def restore(segment_id: str) -> Response:
    with transaction() as session:
        row = saved.restore_segment(session, segment_id=read_id(segment_id))
        note(session, "segment.restored", row.id)
    flash(_("Back in use."), "good")
    return redirect(url_for("segments.show", segment_id=segment_id), 303)
