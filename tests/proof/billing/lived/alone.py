"""The same lives through the services and tables of contracts and bills alone, in one process.

Nothing is ordered nor carried out here: what orders and their tasks would tell contracts, they are
told at once. So lives of years take seconds, and the books are PostgreSQL's all the same.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

from catalogue.domain.model import Kind, Offering, Segment
from catalogue.domain.usage import Dimension
from commerce.kernel.clock import PARIS, business_time_fixed
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from commerce.kernel.tax import Basis
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.contracts.services.change import ContractChange, apply_change
from subscriptions.contracts.services.compensate import compensate
from subscriptions.contracts.services.promise import PledgedContract, pledge
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.invoice import bill_period
from subscriptions.domain.states import BlockKind, ChangeKind
from subscriptions.domain.usage import UsageTold
from subscriptions.invoicing.services import bill_run
from subscriptions.invoicing.services.credit import credit_order
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.models import BillingAccount, BillRunChunk, Subscription, SubscriptionItem
from subscriptions.usage.services.usage import take_usage
from tests.proof.billing import metering
from tests.proof.billing.cycles import ONE_DAY, every_day
from tests.proof.billing.engine import agreed
from tests.proof.billing.facts import Buyer, Item, Life, OneOff, Recurring, Span
from tests.proof.billing.lived.acting import Journal, instant, new_person
from tests.proof.billing.lived.scripts import Act, Deed, Script, by_day
from tests.proof.billing.lived.shelf import GOODS, PLANS, RATES, account, item, sim

GROUP = "g1"
NOTICE = timedelta(days=10)
PORTED = timedelta(days=6)
AT_MIDNIGHT, AT_THE_RUN = time(0, 1), time(4)


def live(scripts: Sequence[Script], journal: Journal, *, origin: date, until: date) -> None:
    """Everything that the scripts want, and every bill run, from day to day."""
    contracts = Contracts(journal)
    acts = dict(by_day(list(scripts)))
    buyers = {script.seed: script.buyer for script in scripts}
    for day in every_day(Span(origin, until + ONE_DAY)):
        with business_time_fixed(datetime.combine(day, AT_MIDNIGHT, tzinfo=PARIS)):
            contracts.carry_out(day, early=True)
        with business_time_fixed(datetime.combine(day, AT_THE_RUN, tzinfo=PARIS)):
            _bill(day)
        with business_time_fixed(instant(day)):
            contracts.carry_out(day, early=False)
            for act in acts.get(day, ()):
                contracts.act(act, buyer=buyers[act.life])


def _bill(day: date) -> None:
    if not BillingAccount.objects.filter(next_bill_on__lte=day).exists():
        return
    run = bill_run.start(on=day)
    chunks = BillRunChunk.objects.filter(run_id=run).order_by("pk")
    # Once to draft them, and once to number them.
    for chunk in [*chunks, *chunks]:
        bill_run.work(chunk.pk)


def sold_as(code: str) -> Offering:
    """What is on the shelf, as the catalogue would have it for both kinds of buyers."""
    kind = Kind.PLAN if GOODS[code] in PLANS else Kind.OPTION
    one, other = (
        metering.sold(item(code, buyer, new_line=False), kind, segment)
        for buyer, segment in (
            (Buyer.CONSUMER, Segment.CONSUMER),
            (Buyer.BUSINESS, Segment.BUSINESS),
        )
    )
    return Offering(
        code=code, specification=one.specification, name=one.name, summary=one.summary,
        category="", charges=(*one.charges, *other.charges),
    )  # fmt: skip


def shelf(*_: object) -> Any:
    """The snapshot of every release."""
    return SimpleNamespace(offerings={code: sold_as(code) for code in GOODS})


@dataclass(frozen=True, slots=True)
class _Later:
    day: date
    early: bool
    carry_out: Callable[[], object]


class Contracts:
    """What happens to the contracts of all lives; the journal is written as on the whole system."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._parties: dict[int, int] = {}
        self._later: list[_Later] = []

    def carry_out(self, day: date, *, early: bool) -> None:
        """What was ordered for this day."""
        due = [one for one in self._later if (one.day, one.early) == (day, early)]
        self._later = [one for one in self._later if one not in due]
        for one in due:
            one.carry_out()

    def act(self, act: Act, *, buyer: Buyer) -> None:
        done = self._done(act, buyer)
        self.journal.write(
            life=act.life, line=act.line, deed=act.deed.name, day=act.day, goods=act.goods, **done
        )

    def _done(self, act: Act, buyer: Buyer) -> dict[str, Any]:
        match act.deed:
            case Deed.ORDER:
                return self._order(act, buyer)
            case Deed.USE:
                return self._use(act)
            case Deed.COMPENSATE:
                return self._compensate(act)
            case Deed.DEBIT:
                return {}  # Nobody collects here.
        return self._change(act, buyer)

    def _party(self, life: int, buyer: Buyer) -> int:
        if life not in self._parties:
            row = new_person(life, buyer)
            self.journal.write(**row)
            self._parties[life] = row["party"]
        return self._parties[life]

    def _order(self, act: Act, buyer: Buyer) -> dict[str, Any]:
        number, party = _number(act), self._party(act.life, buyer)
        items = [*(item(code, buyer, new_line=True) for code in act.goods), sim(buyer)]
        begins = [_activated(each, buyer) for each in items]
        charges = tuple(charge for each in begins for charge in each.charges)
        _promise(number, GROUP, charges, buyer, term=act.term)
        bill_order(
            order_number=number,
            party_id=party,
            segment=_segment(buyer),
            charges={GROUP: [charge for charge in charges if not charge.recurring]},
            tax_rates=dict(RATES),
        )

        def begin(on: date) -> None:
            activate(
                order_number=number,
                group=GROUP,
                party_id=party,
                segment=_segment(buyer),
                items=begins,
                tax_rates=dict(RATES),
                term_months=act.term,
                activated_on=on,
                release=1,
                channel="web",
                msisdn=_msisdn(act),
            )

        if act.ported:
            on = act.day + PORTED
            self._later.append(_Later(on, False, lambda: begin(on)))
        else:
            begin(act.day)
        return {"number": number, "term": act.term, "ported": act.ported, "buyer": buyer.name}

    def _change(self, act: Act, buyer: Buyer) -> dict[str, Any]:
        contract = Subscription.objects.select_related("account").get(order_number=_number(act))
        number = f"{_number(act)}/{act.deed.name[:2]}{act.day:%y%m%d}"
        on = act.day
        if act.deed is Deed.END:
            on += NOTICE
        elif act.deed is Deed.PLAN_LATER:
            on = bill_period(act.day, cycle_day=contract.account.cycle).end
        renewed = act.deed is Deed.RENEW
        begins = [
            _activated(item(code, buyer, new_line=False, renewed=renewed), buyer)
            for code in act.goods
            if act.deed is not Deed.REMOVE
        ]
        charges = tuple(charge for each in begins for charge in each.charges)
        term = act.term if renewed else contract.commitment_months
        _promise(number, GROUP, charges, buyer, term=term)

        def change() -> None:
            apply_change(
                ContractChange(
                    order_number=number,
                    group=GROUP,
                    subscription_id=contract.pk,
                    kind=_KINDS[act.deed],
                    on=on,
                    channel="web",
                    begins=begins,
                    ends=tuple(_ends(act, contract)),
                    tax_rates=dict(RATES),
                    term_months=act.term if renewed else None,
                    blocks=BlockKind.WISH if act.deed is Deed.SUSPEND else None,
                    lifts=BlockKind.WISH if act.deed is Deed.RESUME else None,
                )
            )

        if on == act.day:
            change()
        else:
            self._later.append(_Later(on, act.deed is Deed.PLAN_LATER, change))
        if act.deed is Deed.WITHDRAW:
            credit_order(
                order_number=_number(act),
                group=GROUP,
                party_id=contract.party_id,
                segment=_segment(buyer),
            )
        return {"number": number, "on": on, "term": act.term}

    def _use(self, act: Act) -> dict[str, Any]:
        told = [
            UsageTold(
                f"{act.life}{act.line}/{act.day}/{place}",
                _msisdn(act),
                datetime.combine(day, time(23, 30), tzinfo=PARIS),
                Dimension.CALLS,
                quantity,
            )
            for place, (day, quantity) in enumerate(act.used)
        ]
        taken = take_usage(told, source="proof")
        assert (taken.refused, taken.suspended) == ((), ())
        return {"used": [(each.reference, each.started_at, each.quantity) for each in told]}

    def _compensate(self, act: Act) -> dict[str, Any]:
        due_on = compensate(
            reference=f"proof/{act.life}{act.line}/{act.day}",
            order_number=_number(act),
            group=GROUP,
            amount=Money.of(str(act.amount)),
            days=Period(act.day, act.day + ONE_DAY),
            names={},
        )
        return {"amount": act.amount, "due_on": due_on}


_KINDS = {
    Deed.PLAN: ChangeKind.PLAN,
    Deed.PLAN_LATER: ChangeKind.PLAN,
    Deed.RENEW: ChangeKind.RENEW,
    Deed.ADD: ChangeKind.ADD,
    Deed.REMOVE: ChangeKind.REMOVE,
    Deed.SUSPEND: ChangeKind.SUSPEND,
    Deed.RESUME: ChangeKind.RESUME,
    Deed.END: ChangeKind.TERMINATE,
    Deed.WITHDRAW: ChangeKind.WITHDRAW,
}


def _ends(act: Act, contract: Subscription) -> Iterator[int]:
    """The items whose place is taken, or that are taken off."""
    codes: list[str] = []
    if act.deed in (Deed.PLAN, Deed.PLAN_LATER, Deed.RENEW):
        codes = [plan.code for plan in PLANS]
    elif act.deed is Deed.REMOVE:
        codes = list(act.goods)
    rows = SubscriptionItem.objects.filter(
        subscription=contract, until_on__isnull=True, offering__in=codes
    )
    yield from rows.values_list("pk", flat=True)


def _activated(one: Item, buyer: Buyer) -> ActivatedItem:
    life = Life(account(buyer), (), (), date.max)
    charges = tuple(
        agreed(life, one, charge)
        for charge in one.charges
        if isinstance(charge, OneOff | Recurring)
    )
    return ActivatedItem(one.code, one.code, charges)


def _promise(
    number: str, group: str, charges: tuple[AgreedCharge, ...], buyer: Buyer, *, term: int
) -> None:
    basis = Basis.TTC if buyer is Buyer.CONSUMER else Basis.HT
    contract = PledgedContract(group, _segment(buyer), basis, charges, dict(RATES), term)
    pledge(order_number=number, contracts=[contract])


def _segment(buyer: Buyer) -> str:
    return buyer.value


def _number(act: Act) -> str:
    return f"P-{act.life}{act.line}"


def _msisdn(act: Act) -> str:
    return f"06{18_000_000 + act.life * 3 + 'ABC'.index(act.line):08}"
