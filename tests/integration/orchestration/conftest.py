"""One plan on the table: its rows as the services store them, its order as a value."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalogue.domain.model import Segment
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.accounts.models import Party
from commerce.ordering.domain.fulfilment import FulfilmentItem, FulfilmentOrder
from orchestration.domain.states import EffectState, TaskState
from orchestration.models import Effect, Plan, Task
from orchestration.services import desk, health

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
PORTED = "0639981234"

ORDER = FulfilmentOrder(
    number="F-2026-000001",
    party_id=1,
    segment=Segment.CONSUMER,
    channel="web",
    release=1,
    language="fr",
    email="ada@example.test",
    phone="",
    items=(
        FulfilmentItem(
            line_id="1",
            group="g1",
            role="plan",
            offering="horizon-130",
            name="Horizon",
            quantity=1,
            term=24,
            recipe="mobile-line",
            characteristics={},
            config={"number_choice": "port", "msisdn": PORTED, "rio": "02PA1B2C3RE+"},
            facts={},
            charges=(),
        ),
    ),
)

MakeTask = Callable[..., Task]


@pytest.fixture(autouse=True)
def fresh_health() -> Iterator[None]:
    """What the process knew of silent providers ends with the test."""
    yield
    health.forget()


@pytest.fixture
def make_task(monkeypatch: pytest.MonkeyPatch) -> MakeTask:
    """Makes a plan with one task (a porting unless said otherwise) and the effect it had."""
    monkeypatch.setattr(desk, "order_for_fulfilment", lambda number, group=None: ORDER)

    def make(*, effect: EffectState | None = None, **values: Any) -> Task:
        Party.objects.get_or_create(
            pk=ORDER.party_id,
            defaults={"kind": "person", "segment": "consumer", "phone": "+33639980000"},
        )
        plan = Plan.objects.create(
            order_number=ORDER.number,
            group="g1",
            party_id=1,
            release=1,
            created_at=AT,
            planned_finish=AT + timedelta(days=1),
            look_at=AT + timedelta(days=1),
        )
        given: dict[str, Any] = {
            "key": "1.port",
            "position": 0,
            "lines": ["1"],
            "kind": "callback",
            "action": "porting.port_in",
            "until": "port.completed",
            "state": TaskState.RUNNING,
            "attempts": 1,
            **values,
        }
        task = Task.objects.create(plan=plan, **given)
        if effect is not None:
            Effect.objects.create(
                task=task,
                generation=task.generation,
                key=f"{ORDER.number}:g1:{task.key}:{task.generation}",
                port="porting",
                request={"rio": "02PA1B2C3RE+", "wished_on": "2026-11-25", "slot": "08:00-12:00"},
                state=effect,
                sent_at=AT,
            )
        return task

    return make


@pytest.fixture
def operator() -> AccountContext:
    return AccountContext(
        actor=Actor(ActorKind.AGENT, 1, "Olivia Operator"),
        party_id=None,
        role=Role.OPERATOR,
        channel=Channel.CALL_CENTRE,
    )
