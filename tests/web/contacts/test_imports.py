"""The way of an import through its pages."""

import io
import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.contacts.imports.run import run_import
from campaigns.ids import encode_id
from campaigns.models.contact import Attribute, Contact
from campaigns.models.work import Work
from tests.builders import make_list, make_member
from tests.web.conftest import Browser

FILE = (
    "Email;Vorname;Größe;Seit\nada@example.com;Ada;1,5;2024-02-30\nada@example.com;Ada B.;2,5;31.12.2024\n"
    "nobody;<script>;;\n=cmd()@example.com;Eve;1;\nnoé@;x;;\n"
)


def send(browser: Browser, data: str = FILE) -> str:
    file = (io.BytesIO(data.encode("cp1252")), "leute.csv")
    answer = browser.post("/imports/new", data={"file": file}, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def fields_of(page: str) -> dict[str, str]:
    """What a browser would post: each select's chosen option, each input's value."""
    form = page.partition("/start")[2]
    chosen = dict(re.findall(r'<input class="form-control"[^>]* name="(label-\d+)" value="([^"]*)"', form))
    for name, options in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        picked = re.search(r'<option value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        chosen[name] = picked[1] if picked else ""
    return chosen


def test_a_file_is_uploaded_mapped_imported_and_reported(editor: Browser, session: Session) -> None:
    news = make_list(session)
    make_member(session, mailing_list=news, email="noise@example.com")
    url = send(editor)
    page = editor.get(url).text
    assert "Encoding CP1252, delimiter Semicolon." in page
    assert "Ada B." in page
    fields = fields_of(page)
    assert [fields[f"target-{number}"] for number in range(4)] == [
        "email", "given_name", "new_attribute", "new_attribute",
    ]  # fmt: skip
    assert (fields["kind-2"], fields["kind-3"], fields["decimal_comma"]) == ("number", "text", "yes")
    fields["kind-3"] = "date"
    assert fields["list_id"] == encode_id("list", news.id)

    refused = editor.post(f"{url}/start", data=fields)
    assert refused.status_code == 422
    assert "Say where these people agreed" in refused.text
    assert editor.post(f"{url}/start", data={**fields, "consent_source": "fair"}).status_code == 303
    waiting = editor.get(url).text
    assert "data-live" in waiting
    assert "Waiting to start" in waiting

    run_import(session.scalars(select(Work.id)).one())
    done = editor.get(f"{url}/progress").text
    assert "data-live" not in done
    for expected in ("Done", "5 rows read.", "The address has no @"):
        assert expected in done
    assert "<script>" not in done
    ada = session.scalars(select(Contact).where(Contact.email == "ada@example.com")).one()
    names = dict(session.execute(select(Attribute.name, Attribute.id)).all())
    assert ada.given_name == "Ada B."
    assert ada.attributes == {str(names["grosse"]): 2.5, str(names["seit"]): "2024-12-31"}

    rejected = editor.get(f"{url}/rejected.csv")
    assert rejected.mimetype == "text/csv"
    assert rejected.text.splitlines()[1].startswith("4,no_at,")
    assert editor.get(f"{url}/dropped.csv").status_code == 200
    assert "leute.csv" in editor.get("/imports/").text
    assert editor.post(f"{url}/start", data=fields).status_code == 409


def test_a_wrong_guess_is_put_right_and_a_file_discarded(editor: Browser, session: Session) -> None:
    url = send(editor)
    editor.post(f"{url}/format", data={"encoding": "cp1254", "delimiter": ",", "has_header": "yes"})
    page = editor.get(url).text
    assert "Email;Vorname" in page
    editor.post(f"{url}/format", data={"encoding": "nonsense", "delimiter": ","})
    assert "CP1254" in editor.get(url).text
    assert "Discard this file?" in editor.post(f"{url}/discard").text
    editor.post(f"{url}/discard", data={"confirmed": "yes"})
    assert editor.get(url).status_code == 404


def test_a_file_without_rows_is_refused_with_a_sentence(editor: Browser) -> None:
    for data, words in ((b"", "The file is empty."), (b"email\n", "no rows below its header")):
        answer = editor.post(
            "/imports/new", data={"file": (io.BytesIO(data), "x.csv")}, content_type="multipart/form-data"
        )
        assert answer.status_code == 422
        assert words in answer.text
    assert "Choose a file first." in editor.post("/imports/new").text
