"""Charts are well-formed, say what they show, and never let a label in as markup."""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.reporting.charts import Line, line_chart, round_up, share_bar

PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))


def draw(values: list[int], labels: list[str], name: str = "Opens") -> ElementTree.Element:
    svg = line_chart(
        element_id="c", title=name, description=name, labels=labels, lines=[Line(name, "chart-opens", values)]
    )
    return ElementTree.fromstring(svg)


@given(st.integers(0, 10**12))
def test_the_axis_ends_at_a_round_number_above_every_value(value: int) -> None:
    top = round_up(value)
    assert top >= value
    assert top % 4 == 0
    assert top <= max(4, value * 4)


@given(st.lists(st.integers(0, 10**9), max_size=48), PRINTABLE)
def test_a_chart_is_well_formed_and_inside_its_plot(values: list[int], name: str) -> None:
    root = draw(values, ["09:00"] * 48, name)
    points = root.find(".//polyline").get("points").split()
    for x, y in (point.split(",") for point in points):
        assert 0 <= float(x) <= 1000
        assert 0 <= float(y) <= 1000
    assert root.find("title").text == (name or None)


def test_a_label_is_text_and_not_markup() -> None:
    root = draw([1, 2], ["<script>alert(1)</script>", '"><b>'], "<script>")
    assert {element.tag for element in root.iter()} <= {
        "svg", "title", "desc", "g", "line", "text", "polygon", "polyline"
    }  # fmt: skip
    assert root.find("title").text == "<script>"


def test_higher_values_are_drawn_higher() -> None:
    points = draw([0, 12, 6], ["a", "b", "c"]).find(".//polyline").get("points").split()
    heights = [1000 - float(point.split(",")[1]) for point in points]
    assert heights[0] == 0
    assert heights[1] == 2 * heights[2] == 1000


def test_an_unfinished_day_leaves_the_rest_of_the_axis_empty() -> None:
    points = draw([3, 4], [str(n) for n in range(48)]).find(".//polyline").get("points").split()
    assert float(points[-1].split(",")[0]) == pytest.approx(1000 / 47, abs=0.1)


@pytest.mark.parametrize(("share", "width"), [(0.545, "54.5%"), (7.0, "100.0%"), (-1.0, "0.0%")])
def test_a_share_bar_never_leaves_its_frame(share: float, width: str) -> None:
    assert ElementTree.fromstring(share_bar(share)).findall("rect")[1].get("width") == width
