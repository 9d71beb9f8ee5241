"""Changes of running lines: what is asked, what it would cost and make of the coming bills."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from commerce.ordering.api.serializers.orders import (
    AddressAsked,
    ConsentsAsked,
    InstalmentsAsked,
    checkout_of,
)
from commerce.ordering.api.serializers.quotes import (
    ChoiceAsked,
    InstalmentChoicesSerializer,
    QuoteSerializer,
)
from commerce.ordering.domain.changes import (
    BLOCKS_BY_WISH,
    ChangeQuote,
    ChangeReason,
    ChangeRequest,
    When,
)
from commerce.ordering.services.place import Checkout
from commerce.web.fields import (
    MoneyAsked,
    MoneySerializer,
    OneOf,
    Shown,
    Strict,
    Whole,
    Word,
    Wording,
)
from subscriptions.domain.states import BlockKind, ChangeKind

OFFERED = ("add", "remove", "plan", "renew", "suspend", "resume", "sim", "number", "terminate")


BLOCKS = sorted(str(block) for block in BLOCKS_BY_WISH)


class ChangeAsked(Strict):
    """What is wanted of a line. `add`, `renew` and `plan` take `choices` (and `term`) as their
    journeys do, `remove` the ids of `items` of the contract, `suspend` and `resume` a `block`,
    `sim` the new SIM in `choices` and a `reason`, `number` a `reason` and the `msisdn` that is
    wished (any if it is empty),
    `terminate` the day `on` which it ends (else as soon as possible) and perhaps a legitimate
    `motive`."""

    kind = OneOf(OFFERED)
    choices = serializers.ListField(child=ChoiceAsked(), max_length=24, default=list)
    term = Whole(min_value=0, max_value=24, required=False)
    items = serializers.ListField(
        child=Whole(min_value=1, max_value=2**53), max_length=24, default=list
    )
    when = OneOf(When, default=When.NOW)
    block = OneOf(BLOCKS, required=False)
    reason = OneOf(ChangeReason, required=False)
    msisdn = Word(max_length=20, default="", allow_blank=True)
    on = serializers.DateField(required=False)
    motive = Word(max_length=40, default="", allow_blank=True)


class ChangeOrderAsked(ChangeAsked):
    """A change at the total that was seen. What is bought needs the consents of an order."""

    expected_total = MoneyAsked(help_text="`due_today_gross` of the quote that was seen")
    digest = Word(max_length=64, default="", allow_blank=True, help_text="Of the change's quote")
    consents = ConsentsAsked(required=False)
    deliver_to = AddressAsked(required=False)
    purchase_order_number = Word(max_length=60, default="", allow_blank=True)
    language = OneOf(("fr", "en"), default="fr")
    instalments = InstalmentsAsked()


class ComingBillSerializer(Shown):
    """A bill of the line, as promised now and with the change."""

    on = serializers.DateField()
    before = MoneySerializer()
    after = MoneySerializer()


class UnfitSerializer(Shown):
    """What the line has and loses, as it does not go with what is chosen."""

    name = Wording()
    message = Wording()


class LeftInPartsSerializer(Shown):
    """What is left of a phone's parts when the contract ends: it `falls_due` then, or goes on as
    agreed, until `last_on`. `bill` is empty, and `last_on` null, until the phone is billed."""

    bill = serializers.CharField(allow_blank=True)
    left = MoneySerializer()
    falls_due = serializers.BooleanField()
    last_on = serializers.DateField(allow_null=True)


class LeavingSerializer(Shown):
    """What ending the contract costs: `owed` is the `fee` and the advantages `given_back`, billed
    on the day of the end; `without_motive`, what it would be if the motive is not proved.
    `in_parts` is no price of the end: it was billed before."""

    earliest = serializers.DateField()
    months_left = serializers.IntegerField()
    fee = MoneySerializer()
    given_back = MoneySerializer()
    owed = MoneySerializer()
    without_motive = MoneySerializer()
    free_until = serializers.DateField(
        allow_null=True, help_text="Nothing is owed until then, as the contract is changed by us"
    )
    in_parts = LeftInPartsSerializer(many=True)


class WaitingOrderSerializer(Shown):
    number = serializers.CharField()
    on = serializers.DateField()


class MoveSerializer(Shown):
    """An advantage on a thing ends, or `begins`: a month costs `amount` more, or less (below 0)."""

    name = Wording()
    advantage = Wording()
    begins = serializers.BooleanField()
    amount = MoneySerializer()


class FollowingSerializer(Shown):
    """Another line of the holder costs otherwise from its bill of the day `on`."""

    subscription_id = serializers.IntegerField()
    number = serializers.CharField()
    on = serializers.DateField()
    moves = MoveSerializer(many=True)


class ChangeQuoteSerializer(Shown):
    """`on` is the day on which it is taken to take effect; `quote` is of what is bought; `unfit`
    are those of `ends` that nobody asked to end; `still_blocked`: the line stands still afterwards
    all the same, for another reason. `leaving` is there if the contract is to end; `takes_back` are
    the orders for the line that are taken back then, `waits` those that take effect on a later day
    all the same: `bills` count them before and after. `beside`: what other lines of the holder cost
    otherwise as this one leaves; `instalments`: how a phone that is bought may be paid."""

    on = serializers.DateField()
    begins = serializers.ListField(child=Wording())
    ends = serializers.ListField(child=Wording())
    unfit = UnfitSerializer(many=True)
    still_blocked = serializers.BooleanField()
    bills = ComingBillSerializer(many=True)
    bound_until = serializers.DateField(allow_null=True)
    bound_until_after = serializers.DateField(allow_null=True)
    quote = QuoteSerializer()
    leaving = LeavingSerializer(allow_null=True)
    takes_back = serializers.ListField(child=serializers.CharField())
    waits = WaitingOrderSerializer(many=True)
    beside = FollowingSerializer(many=True)
    instalments = InstalmentChoicesSerializer(source="in_parts")
    digest = serializers.SerializerMethodField()

    def get_digest(self, change: ChangeQuote) -> str:
        return change.digest()


def request_of(asked: Mapping[str, Any]) -> ChangeRequest:
    choices: dict[str, tuple[str, ...]] = {}
    for choice in asked["choices"]:
        choices[choice["role"]] = (*choices.get(choice["role"], ()), choice["offering"])
    return ChangeRequest(
        kind=ChangeKind(asked["kind"]),
        choices=choices,
        term=asked.get("term"),
        items=tuple(asked["items"]),
        when=When(asked["when"]),
        block=BlockKind(asked["block"]) if asked.get("block") else None,
        reason=ChangeReason(asked["reason"]) if asked.get("reason") else None,
        msisdn=asked["msisdn"],
        on=asked.get("on"),
        motive=asked["motive"],
    )


def change_checkout_of(asked: Mapping[str, Any]) -> Checkout:
    return checkout_of({"customer": None, "pick_up_at": "", **asked})
