"""Contacts in a browser: the way of an import, axe in both themes, nothing sideways on a phone."""

import csv
import random
from pathlib import Path

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from campaigns import db
from campaigns.contacts.imports.run import run_import
from campaigns.models.work import Work
from tests.web.conftest import Site
from tests.web.test_look import look, set_up

pytestmark = pytest.mark.browser


def write_file(path: Path) -> Path:
    chance = random.Random(5)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["E-mail", "First name", "Last name", "Language", "Signed up", "Total spent", "Tags", "Notes"])
        for number in range(120):
            day = "2024-02-31" if number % 40 == 7 else f"2024-0{number % 9 + 1}-1{number % 9}"
            spent = f"{chance.random() * 900:.2f}"
            names = [("Luísa", "Gonçalves", "pt"), ("Käthe", "von der Lühe", "de"), ("怡君", "歐陽", "zh-TW")][
                number % 3
            ]
            address = "two words@example.com" if number % 30 == 9 else f"person{number}@mail.example.com"
            writer.writerow([address, *names, day, spent, "b2b;vip", "likes tea\nand biscuits"])
        writer.writerow(["PERSON3@mail.example.com", "Late", "Row", "de", "", "999.99", "", '=HYPERLINK("http://x")'])
    return path


def test_an_import_from_upload_to_report_and_the_contact_behind_it(page: Page, site: Site, tmp_path: Path) -> None:
    set_up(page, site)
    page.goto(f"{site.url}/contacts/")
    look(page, "contacts-empty")
    page.get_by_role("link", name="Import a file").first.click()
    look(page, "import-new")
    page.get_by_label("CSV or text file").set_input_files(write_file(tmp_path / "people.csv"))
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("heading", name="Columns").wait_for()
    look(page, "import-mapping")
    page.get_by_label("Where these people agreed").fill("shop checkout")
    page.get_by_role("button", name="Start the import").click()
    page.get_by_text("Waiting to start").wait_for()
    look(page, "import-waiting")
    with db.read_session() as session:
        work_id = session.scalars(select(Work.id)).one()
    run_import(work_id)
    page.get_by_text("121 rows read.").wait_for(timeout=5000)
    page.reload()
    look(page, "import-done")
    page.get_by_role("link", name="See the contacts").click()
    look(page, "contacts")
    page.get_by_label("Name or address").fill("luhe")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Käthe von der Lühe").first.click()
    look(page, "contact")
    page.get_by_role("link", name="Edit").click()
    look(page, "contact-edit")
    for path in ("/contacts/new", "/lists/", "/lists/new", "/imports/", "/suppressions/"):
        page.goto(site.url + path)
        look(page, path.strip("/").replace("/", "-"))
    page.get_by_label("Email address", exact=True).fill("person5@mail.example.com")
    page.get_by_role("button", name="Suppress").click()
    page.get_by_text("p…@mail.example.com").wait_for()
    look(page, "suppressions-one")
    page.get_by_role("button", name="Lift", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Lift it").click()
    page.get_by_text("The suppression is lifted.").wait_for()
    page.goto(f"{site.url}/lists/")
    page.get_by_role("table").get_by_role("link").first.click()
    look(page, "list")
