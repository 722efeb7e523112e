"""The organisation's name, language and time zone."""

from flask import Response, flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Redirect
from wtforms import SelectField, StringField

from campaigns import clock
from campaigns.accounts import audit
from campaigns.accounts.setup import change_organisation
from campaigns.db import transaction
from web import visitor
from web.access import allow
from web.forms import LINE, Form, Needed
from web.languages import language_names, zone_names
from web.settings.blueprint import blueprint, render


class OrganisationForm(Form):
    organisation = StringField(_l("Company or organisation"), [Needed(), LINE])
    language = SelectField(_l("Language"))
    time_zone = SelectField(_l("Time zone"))


def _read_form() -> OrganisationForm:
    house = visitor.current_house()
    form = OrganisationForm.read(organisation=house.organisation, language=house.language, time_zone=house.time_zone)
    form.language.choices = language_names()
    form.time_zone.choices = [(zone, zone.replace("_", " ")) for zone in zone_names()]
    return form


@blueprint.get("/organisation")
@allow("owner")
def organisation() -> str:
    return render("organisation.html", form=_read_form())


@blueprint.post("/organisation")
@allow("owner")
def organisation_save() -> Response | Redirect:
    form = _read_form()
    if not form.validate():
        return Response(render("organisation.html", form=form), 422)
    with transaction() as session:
        change_organisation(
            session,
            organisation=form.organisation.data,
            language=form.language.data,
            time_zone=form.time_zone.data,
        )
        audit.record(session, actor=visitor.current_actor(), action="organisation.changed", now=clock.now())
    flash(_("The organisation is saved."), "good")
    return redirect(url_for("settings.organisation"), 303)
