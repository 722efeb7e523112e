"""Building a segment: plain form posts; the same builder is swapped in place where there is htmx."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from campaigns import clock
from campaigns.db import read_session, transaction
from campaigns.ids import encode_id
from campaigns.models.user import Role
from campaigns.segments import saved
from web.access import allow
from web.segments.blueprint import blueprint, note, read_id
from web.segments.builder import Builder, Result, build, find_result, with_gone
from web.segments.draft import DraftGroup, DraftRule, apply, from_rules, read_draft
from web.visitor import current_visitor


@blueprint.get("/new")
@allow(Role.editor)
def new() -> str:
    return _first_look(DraftGroup("r", nodes=[DraftRule("r.0")]), name="")


@blueprint.post("/new")
@allow(Role.editor)
def create() -> str | Response | tuple[str, int]:
    return _edited(None)


@blueprint.get("/<segment_id>/edit")
@allow(Role.editor)
def edit(segment_id: str) -> str:
    with read_session() as session:
        row = saved.get_segment(session, segment_id=read_id(segment_id))
    return _first_look(from_rules(row.rules), name=row.name, segment_id=segment_id)


@blueprint.post("/<segment_id>/edit")
@allow(Role.editor)
def update(segment_id: str) -> str | Response | tuple[str, int]:
    with read_session() as session:
        saved.get_segment(session, segment_id=read_id(segment_id))
    return _edited(segment_id)


@blueprint.post("/draft")
@allow(Role.editor)
def draft() -> str:
    """Answer the builder, or with ``part=result`` only who matches, for a draft that nobody saved."""
    draft_now = read_draft(request.form)
    deed = request.form.get("do", "")
    focus = apply(draft_now, deed)
    with read_session() as session:
        builder = build(session, draft=draft_now, extra_value=_extra(deed))
        result = find_result(session, builder=builder, now=clock.now())
    if request.args.get("part") == "result":
        return render_template("segments/result.html", result=result, out_of_band=False)
    return render_template(
        "segments/swapped.html", builder=builder, result=result, focus=focus or _focus_of(deed), out_of_band=True
    )


def _extra(deed: str) -> str:
    """``value:r.0`` asks for one more place to write a value."""
    return deed.removeprefix("value:") if deed.startswith("value:") else ""


def _focus_of(deed: str) -> str | None:
    path = _extra(deed)
    return f"{path}.value.last" if path else None


def _first_look(draft_now: DraftGroup, *, name: str, segment_id: str | None = None) -> str:
    with read_session() as session:
        builder = build(session, draft=draft_now)
        result = find_result(session, builder=builder, now=clock.now())
    return _page(builder, result, name=name, segment_id=segment_id)


def _edited(segment_id: str | None) -> str | Response | tuple[str, int]:
    """Save where the button says so and everything is right; else show the page with the deed done."""
    draft_now = read_draft(request.form)
    deed = request.form.get("do", "save")
    name = request.form.get("name", "")
    focus = apply(draft_now, deed)
    saving = deed == "save"
    with read_session() as session:
        builder = build(session, draft=draft_now, shows_unfinished=saving, extra_value=_extra(deed))
        if saving:
            builder = with_gone(session, builder)
        result = find_result(session, builder=builder, now=clock.now())
    if not saving:
        return _page(builder, result, name=name, segment_id=segment_id, focus=focus or _focus_of(deed))
    name_problem = _name_problem(name)
    if builder.checked.faults or name_problem:
        return _page(builder, result, name=name, segment_id=segment_id, name_problem=name_problem), 422
    row = _save(builder, name=name, segment_id=segment_id)
    flash(_("Saved."), "good")
    return redirect(url_for("segments.show", segment_id=encode_id("segment", row.id)), 303)


def _name_problem(name: str) -> str | None:
    try:
        saved.check_name(name)
    except saved.InvalidSegmentName as error:
        return str(_("A segment needs a name of 1 to %(limit)s characters.", limit=error.params["limit"]))
    return None


def _save(builder: Builder, *, name: str, segment_id: str | None) -> saved.SavedSegment:
    rules, now = builder.checked.rules, clock.now()
    visitor = current_visitor()
    with transaction() as session:
        if segment_id is None:
            author = visitor.user_id if visitor else None
            row = saved.create_segment(session, name=name, rules=rules, now=now, created_by=author)
        else:
            row = saved.update_segment(session, segment_id=read_id(segment_id), name=name, rules=rules, now=now)
        note(session, "segment.created" if segment_id is None else "segment.changed", row.id)
    return row


def _page(
    builder: Builder,
    result: Result,
    *,
    name: str,
    segment_id: str | None,
    focus: str | None = None,
    name_problem: str | None = None,
) -> str:
    return render_template(
        "segments/edit.html",
        builder=builder,
        result=result,
        name=name,
        segment_id=segment_id,
        focus=focus,
        name_problem=name_problem,
        out_of_band=False,
    )
