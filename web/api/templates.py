"""Templates: the starters that a new campaign can begin with."""

from sqlalchemy.orm import Session

from campaigns.errors import NotFound
from templates_email import load
from web.api.operation import Operations
from web.api.shape import Answer

operations = Operations("templates")


class TemplateOut(Answer):
    name: str
    title: str
    description: str
    subject: str
    preheader: str
    body: str


class TemplatesOut(Answer):
    items: list[TemplateOut]


@operations.get("/templates")
def list_templates(session: Session) -> TemplatesOut:
    """List the starters with what they say."""
    return TemplatesOut(items=[TemplateOut.model_validate(found) for found in load.list_templates()])


@operations.get("/templates/{name}")
def get_template(session: Session, *, name: str) -> TemplateOut:
    """Show one starter."""
    for found in load.list_templates():
        if found.name == name:
            return TemplateOut.model_validate(found)
    raise NotFound(f"There is no template {name[:60]!r}.")
