"""The plan of an order as a graph: layers by need, drawn as SVG. Pure layout, deterministic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.utils.html import escape
from django.utils.safestring import SafeString

from frontend import svg

BOX_WIDTH, BOX_HEIGHT, COLUMN_GAP, ROW_GAP, EDGE, LANE = 188.0, 64.0, 44.0, 18.0, 6.0, 14.0
STATES = ("done", "running", "waiting", "failed", "pending")


@dataclass(frozen=True, slots=True)
class Task:
    """A step of the plan; `detail` says for whom it waits and until when, or why it failed."""

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


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands; `ways` names the lanes that each (need, task) line runs through."""

    boxes: list[Placed]
    lanes: dict[str, tuple[float, float]]
    ways: dict[tuple[str, str], list[str]]
    height: float


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


def depths(tasks: Sequence[Task]) -> dict[str, int]:
    """The layer of each task: its longest way from a start; needs outside the plan are ignored.

    Raises:
        ValueError: the needs form a circle.
    """
    depth: dict[str, int] = {}
    left = {task.key: task for task in tasks}
    while left:
        ready = [task for task in left.values() if not any(need in left for need in task.needs)]
        if not ready:
            raise ValueError(f"the needs form a circle: {', '.join(sorted(left))}")
        for task in ready:
            depth[task.key] = 1 + max((depth[n] for n in task.needs if n in depth), default=-1)
        for task in ready:
            del left[task.key]
    return depth


def in_order(tasks: Sequence[Task]) -> list[Task]:
    """Tasks layer by layer, for reading as a list."""
    depth = depths(tasks)
    return sorted(tasks, key=lambda task: depth[task.key])


def place(tasks: Sequence[Task]) -> Layout:
    """Boxes in columns from left to right; long lines get lanes of their own between the boxes."""
    depth = depths(tasks)
    ways = {
        (need, task.key): [
            lane_key(need, layer) for layer in range(depth[need] + 1, depth[task.key])
        ]
        for task in tasks
        for need in task.needs
        if need in depth
    }
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    before: dict[str, set[str]] = {}
    for task in tasks:
        columns[depth[task.key]].append(task.key)
    for (need, key), lanes in ways.items():
        chain = [need, *lanes, key]
        for layer, lane in enumerate(lanes, start=depth[need] + 1):
            if lane not in columns[layer]:
                columns[layer].append(lane)
        for earlier, later in pairwise(chain):
            before.setdefault(later, set()).add(earlier)
    _untangle(columns, before)
    known = {task.key: task for task in tasks}
    tallest = max((_column_height(column, known) for column in columns), default=0.0)
    boxes, lanes_at = [], {}
    for index, column in enumerate(columns):
        x = EDGE + index * (BOX_WIDTH + COLUMN_GAP)
        y = EDGE + (tallest - _column_height(column, known)) / 2
        for key in column:
            if key in known:
                boxes.append(Placed(known[key], x=x, y=y))
                y += BOX_HEIGHT + ROW_GAP
            else:
                lanes_at[key] = (x, y + LANE / 2)
                y += LANE + ROW_GAP
    return Layout(boxes=boxes, lanes=lanes_at, ways=ways, height=tallest)


def lane_key(need: str, layer: int) -> str:
    """Lines that leave the same task share a lane: they run as one beam and part late."""
    return f"{need}\n{layer}"


def _column_height(column: Sequence[str], known: Mapping[str, Task]) -> float:
    return sum((BOX_HEIGHT if key in known else LANE) + ROW_GAP for key in column) - ROW_GAP


def _untangle(columns: list[list[str]], before: Mapping[str, set[str]]) -> None:
    """Order columns by the mean place of neighbours, forth and back, so that few lines cross."""
    after: dict[str, set[str]] = {}
    for later, earlier in before.items():
        for key in earlier:
            after.setdefault(key, set()).add(later)
    for sweep in range(6):
        forth = sweep % 2 == 0
        order = range(1, len(columns)) if forth else range(len(columns) - 2, -1, -1)
        for index in order:
            beside = columns[index - 1] if forth else columns[index + 1]
            columns[index] = _sorted_by(columns[index], beside, before if forth else after)


def _sorted_by(column: list[str], beside: list[str], near: Mapping[str, set[str]]) -> list[str]:
    share = {key: (position + 0.5) / len(beside) for position, key in enumerate(beside)}
    own = {key: (position + 0.5) / len(column) for position, key in enumerate(column)}

    def centre(key: str) -> tuple[float, float]:
        around = [share[other] for other in near.get(key, ()) if other in share]
        return (sum(around) / len(around) if around else own[key], own[key])

    return sorted(column, key=centre)


def draw(tasks: Sequence[Task], *, name: str, state_names: Mapping[str, str]) -> SafeString:
    """The whole graph; `state_names` are the words for the states in the reader's language."""
    layout = place(tasks)
    width = max((spot.x for spot in layout.boxes), default=0) + BOX_WIDTH + EDGE
    height = layout.height + 2 * EDGE
    spots = {spot.task.key: spot for spot in layout.boxes}
    edges = [
        _edge(spots[need], spots[key], through=[layout.lanes[lane] for lane in lanes])
        for (need, key), lanes in layout.ways.items()
    ]
    boxes = [_box(spot, state_names=state_names) for spot in layout.boxes]
    size = f'width="{svg.number(width)}" height="{svg.number(height)}"'
    return svg.safe([
        f'<svg class="graph" viewBox="0 0 {svg.number(width)} {svg.number(height)}" {size} '
        f'role="group" aria-label="{escape(name)}">',
        '<g aria-hidden="true">', *edges, "</g>", *boxes, "</svg>",
    ])  # fmt: skip


def _edge(start: Placed, end: Placed, *, through: Sequence[tuple[float, float]]) -> str:
    x, y = start.x + BOX_WIDTH, start.y + BOX_HEIGHT / 2
    d = [f"M{svg.number(x)} {svg.number(y)}"]
    for lane_x, lane_y in through:
        d += [_bend(x, y, lane_x, lane_y), f"H{svg.number(lane_x + BOX_WIDTH)}"]
        x, y = lane_x + BOX_WIDTH, lane_y
    d.append(_bend(x, y, end.x, end.y + BOX_HEIGHT / 2))
    state = end.task.state if start.task.state == "done" else "pending"
    return svg.tag("path", class_=f"graph-edge graph-edge-{state}", d="".join(d))


def _bend(x1: float, y1: float, x2: float, y2: float) -> str:
    half = (x2 - x1) * 0.55
    return "C{} {} {} {} {} {}".format(
        *(svg.number(v) for v in (x1 + half, y1, x2 - half, y2, x2, y2))
    )


def _box(spot: Placed, *, state_names: Mapping[str, str]) -> str:
    task = spot.task
    told = task.state in ("waiting", "failed", "running") and task.detail
    lines = wrapped(task.detail if told else task.kind)
    state = state_names.get(task.state, task.state)
    said = ". ".join(part for part in (task.label, state, task.detail) if part)
    top = BOX_HEIGHT / 2 + 5 - 8 * len(lines)
    inner = svg.tag("rect", class_="graph-box", width=BOX_WIDTH, height=BOX_HEIGHT, rx=12)
    inner += svg.tag("circle", class_="graph-dot", cx=20, cy=BOX_HEIGHT / 2, r=6.5)
    if task.state == "done":
        inner += svg.tag("path", class_="graph-tick", d="m17 32 2.2 2.4 4-4.6")
    inner += _line(shortened(task.label, 21), name="graph-title", y=top)
    for index, line in enumerate(lines):
        inner += _line(line, name="graph-text", y=top + 17 + 15 * index)
    if task.url:
        inner = svg.tag("a", inner, href=task.url, aria_label=said)
    return svg.tag(
        "g",
        svg.title(said) + inner,
        class_=f"graph-{task.state}",
        transform=f"translate({svg.number(spot.x)} {svg.number(spot.y)})",
        role=None if task.url else "img",
        aria_label=None if task.url else said,
    )


def _line(text: str, *, name: str, y: float) -> str:
    return svg.tag("text", escape(text), class_=name, x=36, y=y)


def wrapped(text: str, *, longest: int = 26) -> list[str]:
    """The text on at most two lines, the second shortened."""
    if len(text) <= longest:
        return [text] if text else []
    head, space, _ = text[: longest + 1].rpartition(" ")
    if not space:
        return [shortened(text, longest)]
    return [head, shortened(text[len(head) + 1 :], longest)]


def shortened(text: str, longest: int) -> str:
    """At most `longest` letters, cut at a word where one is near."""
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > longest * 0.6 else cut).rstrip(" ,;:·") + "…"
