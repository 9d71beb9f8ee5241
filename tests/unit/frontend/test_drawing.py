"""Pictures, bars and graphs: the same data give the same safe drawing."""

import re
from datetime import date
from xml.etree import ElementTree

import pytest

from commerce.kernel.money import Money
from frontend import charts, drawing, graph, styleguide
from frontend.drawing_goods import GOODS

SVG = "{http://www.w3.org/2000/svg}"


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(
        markup.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    )


@pytest.mark.parametrize("size", ["small", "medium", "card", "hero"])
@pytest.mark.parametrize("form", [*drawing.PHONES, *GOODS, "something unknown"])
def test_every_form_is_drawn_in_every_size_as_good_xml(form: str, size: str) -> None:
    picture = drawing.draw({"form": form, "colour": "#336699", "name": "A & B"}, size=size)
    root = parsed(picture)
    assert root.find(f"{SVG}title") is not None
    assert "style=" not in picture
    ids = re.findall(r' id="([^"]+)"', picture)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", picture)) <= set(ids)


@pytest.mark.parametrize(
    "camera", ["bar4", "ring1", "ring4", "square2", "stack4", "dots3", "2", "ring", "what?"]
)
def test_every_camera_layout_is_drawn(camera: str) -> None:
    parsed(drawing.draw({"form": "bar", "camera": camera}))


def test_the_same_data_give_the_same_drawing_and_others_give_other_ids() -> None:
    spec = {"form": "bar", "camera": "ring3", "colour": "#8f7cff"}
    other = spec | {"colour": "#2f6f62"}
    assert drawing.draw(spec) == drawing.draw(dict(reversed(spec.items())))
    found, others = (
        set(re.findall(r' id="([^"]+)"', drawing.draw(each))) for each in (spec, other)
    )
    assert not found & others


def test_whatever_is_no_colour_does_not_reach_the_drawing() -> None:
    picture = drawing.draw({"form": "bar", "colour": 'red"><script>', "name": "<script>"})
    assert "<script" not in picture
    assert "red" not in picture.replace("stroke-", "")


def test_a_decorative_drawing_is_hidden_from_screen_readers() -> None:
    picture = drawing.draw({"form": "bar", "name": "Ondine 5"}, decorative=True)
    assert 'aria-hidden="true"' in picture
    assert "Ondine" not in picture


def test_there_is_one_bar_for_each_bill_and_free_months_are_hatched() -> None:
    root = parsed(charts.promise_bars(styleguide.bills("fr"), language="fr", name="Factures"))
    groups = root.findall(f"{SVG}g")
    shapes = [group.findall(f"{SVG}rect") for group in groups]
    assert len(groups) == 24
    assert all("url(#" in str(shape[0].get("fill")) for shape in shapes[:6])
    assert [shape[-1].get("class") for shape in shapes[6:]] == ["bar"] * 18
    assert [len(shape) for shape in shapes] == [1] * 6 + [2] * 12 + [1] * 6
    full, reduced = (float(str(shapes[i][-1].get("height"))) for i in (20, 10))
    assert full == 64
    assert reduced == pytest.approx(64 * 19.99 / 24.99, abs=0.01)


def test_bars_of_one_free_bill_do_not_divide_by_zero() -> None:
    bill = {"label": "déc.", "date": date(2026, 12, 1), "amount": Money.zero(), "free": True}
    assert len(parsed(charts.promise_bars([bill], language="fr", name="x")).findall(f"{SVG}g")) == 1
    assert charts.promise_bars([], language="fr", name="x") == ""


def test_the_bill_that_breaks_its_promise_is_marked() -> None:
    chart = charts.bill_chart(styleguide.bills("fr", made=10), language="fr", name="Factures")
    parsed(chart)
    assert chart.count("chart-off") == 1


def task(key: str, *needs: str, state: str = "pending") -> graph.Task:
    return graph.Task(key=key, label=key, needs=needs, state=state)


def test_a_task_stands_right_of_everything_it_needs() -> None:
    tasks = [task("d", "b", "c"), task("a"), task("b", "a"), task("c", "b", "gone")]
    assert graph.depths(tasks) == {"a": 0, "b": 1, "c": 2, "d": 3}
    assert [each.key for each in graph.in_order(tasks)] == ["a", "b", "c", "d"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="circle: a, b"):
        graph.depths([task("a", "b"), task("b", "a"), task("c")])


def test_boxes_never_overlap_and_long_lines_pass_between_them() -> None:
    tasks = [graph.as_task(each) for each in styleguide.tasks()]
    layout = graph.place(tasks)
    for first in layout.boxes:
        for second in layout.boxes:
            if first is not second and first.x == second.x:
                assert abs(first.y - second.y) >= graph.BOX_HEIGHT
        for x, y in layout.lanes.values():
            assert x != first.x or not first.y <= y <= first.y + graph.BOX_HEIGHT


def test_the_graph_says_each_state_in_words_and_links_where_there_is_something_to_do() -> None:
    tasks = [
        graph.Task(key="a", label="Port <1>", state="failed", detail="refused", url="/x?a=1&b=2")
    ]
    markup = graph.draw(tasks, name="Plan", state_names={"failed": "en échec"})
    root = parsed(markup)
    link = root.find(f".//{SVG}a")
    assert link is not None
    assert link.get("aria-label") == "Port <1>. en échec. refused"
    assert link.get("href") == "/x?a=1&b=2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("short", ["short"]),
        ("autre opérateur, jusqu'au 24 nov.", ["autre opérateur, jusqu'au", "24 nov."]),
        ("x" * 40, ["x" * 25 + "…"]),
    ],
)
def test_a_detail_takes_two_lines_at_most(text: str, expected: list[str]) -> None:
    assert graph.wrapped(text) == expected
