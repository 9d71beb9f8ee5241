"""The plan of an order as a graph: layers by need, drawn as SVG. Pure layout, deterministic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString

from frontend import svg

BOX_WIDTH, BOX_HEIGHT, COLUMN_GAP, ROW_GAP, EDGE = 196.0, 62.0, 52.0, 18.0, 6.0
STATES = ("done", "running", "waiting", "failed", "pending")


@dataclass(frozen=True, slots=True)
class Task:
    """A step of the plan as the drawing needs it; `detail` says what it waits for or why it failed."""

    key: str
    label: str
    kind: str = ""
    state: str = "pending"
    needs: tuple[str, ...] = ()
    detail: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    task: Task
    x: float
    y: float


def as_task(value: Task | Mapping[str, object]) -> Task:
    """A task from a plain mapping; an unknown state is pending."""
    if isinstance(value, Task):
        return value
    needs = value.get("needs") or ()
    state = str(value.get("state") or "pending")
    return Task(
        key=str(value["key"]),
        label=str(value.get("label") or value["key"]),
        kind=str(value.get("kind") or ""),
        state=state if state in STATES else "pending",
        needs=tuple(str(need) for need in needs)
        if isinstance(needs, list | tuple | set | frozenset)
        else (),
        detail=str(value.get("detail") or ""),
        url=str(value.get("url") or ""),
    )


def layers(tasks: Sequence[Task]) -> list[list[Task]]:
    """Tasks by their longest way from a start; needs outside the plan are ignored.

    Raises:
        ValueError: the needs form a circle.
    """
    known = {task.key: task for task in tasks}
    depth: dict[str, int] = {}
    left = dict(known)
    while left:
        ready = [task for task in left.values() if not any(need in left for need in task.needs)]
        if not ready:
            raise ValueError(f"the needs form a circle: {', '.join(sorted(left))}")
        for task in ready:
            depth[task.key] = 1 + max((depth[n] for n in task.needs if n in depth), default=-1)
        for task in ready:
            del left[task.key]
    result: list[list[Task]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for task in tasks:
        result[depth[task.key]].append(task)
    return _untangled(result)


def _untangled(rows: list[list[Task]]) -> list[list[Task]]:
    """Order each layer by the mean place of its neighbours, forth and back, so that few lines cross."""
    for sweep in range(4):
        forth = sweep % 2 == 0
        order = range(1, len(rows)) if forth else range(len(rows) - 2, -1, -1)
        for index in order:
            beside = rows[index - 1] if forth else rows[index + 1]
            place = {task.key: position for position, task in enumerate(beside)}
            before = {task.key: position for position, task in enumerate(rows[index])}

            def centre(
                task: Task, forth: bool = forth, beside: list[Task] = beside,
                place: dict[str, int] = place, before: dict[str, int] = before,
            ) -> float:  # fmt: skip
                near = (
                    [place[need] for need in task.needs if need in place]
                    if forth
                    else [place[other.key] for other in beside if task.key in other.needs]
                )
                return sum(near) / len(near) if near else float(before[task.key])

            rows[index] = sorted(rows[index], key=lambda task: (centre(task), before[task.key]))
    return rows


def place(tasks: Sequence[Task]) -> list[Placed]:
    """Boxes in columns from left to right, each column centred."""
    columns = layers(tasks)
    tallest = max((len(column) for column in columns), default=0)
    pitch = BOX_HEIGHT + ROW_GAP
    return [
        Placed(
            task,
            x=EDGE + index * (BOX_WIDTH + COLUMN_GAP),
            y=EDGE + (tallest - len(column)) * pitch / 2 + row * pitch,
        )
        for index, column in enumerate(columns)
        for row, task in enumerate(column)
    ]


def draw(tasks: Sequence[Task], *, name: str, state_names: Mapping[str, str]) -> SafeString:
    """The whole graph; `state_names` are the words for the states in the reader's language."""
    placed = place(tasks)
    spots = {spot.task.key: spot for spot in placed}
    width = max((spot.x for spot in placed), default=0) + BOX_WIDTH + EDGE
    height = max((spot.y for spot in placed), default=0) + BOX_HEIGHT + EDGE
    edges = [
        _edge(spots[need], spot) for spot in placed for need in spot.task.needs if need in spots
    ]
    boxes = [_box(spot, state_names=state_names) for spot in placed]
    size = f'width="{svg.number(width)}" height="{svg.number(height)}"'
    return svg.safe([
        f'<svg class="graph" viewBox="0 0 {svg.number(width)} {svg.number(height)}" {size} '
        f'role="group" aria-label="{escape(name)}">',
        '<g aria-hidden="true">', *edges, "</g>", *boxes, "</svg>",
    ])  # fmt: skip


def _edge(start: Placed, end: Placed) -> str:
    x1, y1 = start.x + BOX_WIDTH, start.y + BOX_HEIGHT / 2
    x2, y2 = end.x, end.y + BOX_HEIGHT / 2
    bend = max((x2 - x1) * 0.5, COLUMN_GAP * 0.55)
    points = [svg.number(v) for v in (x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2)]
    state = end.task.state if start.task.state == "done" else "pending"
    d = "M{} {}C{} {} {} {} {} {}".format(*points)
    return svg.tag("path", class_=f"graph-edge graph-edge-{state}", d=d)


def _box(spot: Placed, *, state_names: Mapping[str, str]) -> str:
    task = spot.task
    second = (
        task.detail if task.state in ("waiting", "failed", "running") and task.detail else task.kind
    )
    said = ". ".join(
        part for part in (task.label, state_names.get(task.state, task.state), task.detail) if part
    )
    inner = (
        svg.tag("rect", class_="graph-box", width=BOX_WIDTH, height=BOX_HEIGHT, rx=12)
        + svg.tag("circle", class_="graph-dot", cx=20, cy=BOX_HEIGHT / 2, r=6.5)
        + (
            svg.tag("path", class_="graph-tick", d="m17 31 2.2 2.4 4-4.6")
            if task.state == "done"
            else ""
        )
        + svg.tag(
            "text",
            escape(shortened(task.label, 21)),
            class_="graph-title",
            x=36,
            y=26 if second else 36,
        )
        + (
            svg.tag("text", escape(shortened(second, 26)), class_="graph-text", x=36, y=44)
            if second
            else ""
        )
    )
    if task.url:
        inner = svg.tag("a", inner, href=task.url, aria_label=said)
        role, label = None, None
    else:
        role, label = "img", said
    move = f"translate({svg.number(spot.x)} {svg.number(spot.y)})"
    return svg.tag(
        "g", svg.title(said) + inner, class_=f"graph-{task.state}", transform=move, role=role,
        aria_label=label,
    )  # fmt: skip


def shortened(text: str, longest: int) -> str:
    """At most `longest` letters, cut at a word where one is near."""
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > longest * 0.6 else cut).rstrip(" ,;:·") + "…"
