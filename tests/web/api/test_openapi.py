"""The document that describes the API fits what is served."""

from flask import Flask

from tests.web.api.conftest import Caller
from web.api.blueprint import OPERATIONS


def test_every_operation_is_described(nobody_api: Caller) -> None:
    document = nobody_api.get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(item.method, item.path) for item in OPERATIONS}


def test_every_reference_leads_somewhere(nobody_api: Caller) -> None:
    text = nobody_api.get("/openapi.json").get_data(as_text=True)
    document = nobody_api.get("/openapi.json").get_json()
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])
    assert "CampaignIn" in names


def test_every_operation_says_what_it_does() -> None:
    assert [item.name for item in OPERATIONS if len(item.summary.split()) < 2] == []


def test_operation_names_are_unique() -> None:
    names = [item.name for item in OPERATIONS]
    assert len(names) == len(set(names))


def test_every_route_of_the_api_is_an_operation(app: Flask) -> None:
    served = {rule.endpoint for rule in app.url_map.iter_rules() if str(rule).startswith("/api/v1/")}
    assert served == {f"api.{item.name}" for item in OPERATIONS} | {"api.openapi", "api.nothing_here"}
