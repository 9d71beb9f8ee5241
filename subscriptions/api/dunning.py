"""What is overdue, what will happen about it, promises to pay, interest, and debits to come. The
caller's own; an agent's are those of the customer whom he speaks with."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.web.fields import Day, Instant, MoneySerializer, OneOf, Shown, Strict, Word
from commerce.web.policy import Policy
from commerce.web.views import ApiView
from subscriptions.api.serializers import PageQuery, page
from subscriptions.api.views import LARGEST_ID, OWNERS, party_of
from subscriptions.collection.selectors import debit_of, debits_of
from subscriptions.domain.dunning import Action, CaseState, EntryKind
from subscriptions.domain.states import DebitState
from subscriptions.dunning.interest import interest_of
from subscriptions.dunning.selectors import case_of_party, cases_of
from subscriptions.dunning.services import by_contact


class OverdueBillSerializer(Shown):
    number = serializers.CharField()
    due_on = serializers.DateField()
    open = MoneySerializer()


class ComingStepSerializer(Shown):
    """What happens on that day if nothing is paid."""

    step = serializers.CharField(source="step.code")
    action = OneOf(Action, source="step.action")
    on = serializers.DateField()


class CaseEntrySerializer(Shown):
    """`step` and `action` of a step of the table; `by` is empty where the machine acted."""

    kind = OneOf(EntryKind)
    step = serializers.CharField()
    action = serializers.CharField()
    on = serializers.DateField()
    at = Instant()
    by = serializers.CharField()
    facts = serializers.DictField(child=serializers.CharField())


class InterestPartSerializer(Shown):
    """From `start` up to but not including `end` that much was `open`, at `percent` a year."""

    start = serializers.DateField(source="days.start")
    end = serializers.DateField(source="days.end")
    open = MoneySerializer()
    percent = serializers.DecimalField(max_digits=7, decimal_places=2)


class LateInterestSerializer(Shown):
    """What a late bill was asked to bear for its days, half-open, as a line of the next bill;
    `waived_at` if another line takes it back, `given_back` if a part of it was asked too much, as
    the money had come before."""

    id = serializers.IntegerField()
    bill = serializers.CharField()
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    amount = MoneySerializer()
    given_back = MoneySerializer()
    parts = InterestPartSerializer(many=True)
    asked_at = Instant()
    waived_at = Instant(allow_null=True)
    reason = serializers.CharField()


class DunningCaseSerializer(Shown):
    """An account with overdue bills: `since` is the due day of the oldest, `grade` how hard its
    lines are treated (empty: not yet), `next_on` the day of the next step."""

    id = serializers.IntegerField()
    account_id = serializers.IntegerField()
    state = OneOf(CaseState)
    opened_on = serializers.DateField()
    closed_on = serializers.DateField(allow_null=True)
    since = serializers.DateField()
    owed = MoneySerializer()
    grade = serializers.CharField()
    promised_for = serializers.DateField(allow_null=True)
    next_on = serializers.DateField(allow_null=True)


class DunningCaseDetailSerializer(DunningCaseSerializer):
    """`interest` is what the bills bear by now that no bill has asked for; `asked` what one has.
    A promise may be for a day `promise_days` off, `promises_left` times."""

    bills = OverdueBillSerializer(many=True)
    coming = ComingStepSerializer(many=True)
    history = CaseEntrySerializer(many=True)
    interest = MoneySerializer()
    asked = LateInterestSerializer(many=True)
    promises_left = serializers.IntegerField(min_value=0)
    promise_days = serializers.IntegerField(min_value=0)


class DebitNoticeSerializer(Shown):
    """A direct debit of the bill `number`: that `amount` at most is taken on `debit_on` from the
    account that ends in `last4`; `reason` is the bank's where it has failed."""

    id = serializers.IntegerField()
    number = serializers.CharField()
    amount = MoneySerializer(source="debit.amount")
    debit_on = serializers.DateField(source="debit.debit_on")
    mandate = serializers.CharField(source="debit.mandate_reference")
    last4 = serializers.CharField(source="debit.last4")
    told_at = Instant()
    state = OneOf(DebitState)
    reason = serializers.CharField()


class _Paged(Shown):
    total = serializers.IntegerField(min_value=0)
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


class DunningCasesSerializer(_Paged):
    items = DunningCaseSerializer(many=True)


class DebitNoticesSerializer(_Paged):
    items = DebitNoticeSerializer(many=True)


class LateInterestsSerializer(_Paged):
    items = LateInterestSerializer(many=True)


class PromiseAsked(Strict):
    on = Day(help_text="The day on which all that is overdue now will be paid")
    note = Word(max_length=300, allow_blank=True, default="")


class WaiverAsked(Strict):
    reason = Word(max_length=300)


class DunningCasesView(ApiView):
    policy = OWNERS
    tag = "Overdue"

    @extend_schema(
        operation_id="listDunningCases",
        parameters=[PageQuery],
        responses=DunningCasesSerializer(many=False),
    )
    def get(self, request: Request) -> Response:
        """The caller's cases, the latest first; those that are closed too."""
        asked = self.query(PageQuery)
        found = cases_of(party_of(caller_of(request)))
        return Response(DunningCasesSerializer(page(found, asked=asked)).data)


class DunningCaseView(ApiView):
    policy = OWNERS
    tag = "Overdue"

    @extend_schema(operation_id="getDunningCase", responses=DunningCaseDetailSerializer)
    def get(self, request: Request, case_id: int) -> Response:
        """One case: its bills, what happens if nothing is paid, and what happened."""
        found = case_of_party(party_of(caller_of(request)), min(case_id, LARGEST_ID))
        return Response(DunningCaseDetailSerializer(found).data)


class PaymentPromiseView(ApiView):
    policy = OWNERS
    tag = "Overdue"

    @extend_schema(
        operation_id="promisePayment",
        request=PromiseAsked,
        responses={200: DunningCaseDetailSerializer},
    )
    def put(self, request: Request, case_id: int) -> Response:
        """Promise to pay all that is overdue; until that day nothing more happens."""
        context = caller_of(request)
        known = case_of_party(party_of(context), min(case_id, LARGEST_ID))
        by_contact.promise(context, case_id=known.id, **self.body(PromiseAsked))
        return self._as_it_is(request, known.id)

    @extend_schema(
        operation_id="withdrawPaymentPromise", responses={200: DunningCaseDetailSerializer}
    )
    def delete(self, request: Request, case_id: int) -> Response:
        """Promise no longer; the case goes on where it was."""
        context = caller_of(request)
        known = case_of_party(party_of(context), min(case_id, LARGEST_ID))
        by_contact.take_back(context, case_id=known.id)
        return self._as_it_is(request, known.id)

    def _as_it_is(self, request: Request, case_id: int) -> Response:
        found = case_of_party(party_of(caller_of(request)), case_id)
        return Response(DunningCaseDetailSerializer(found).data, status=status.HTTP_200_OK)


class LateInterestsView(ApiView):
    policy = OWNERS
    tag = "Overdue"

    @extend_schema(
        operation_id="listLateInterest",
        parameters=[PageQuery],
        responses=LateInterestsSerializer(many=False),
    )
    def get(self, request: Request) -> Response:
        """What the caller's late bills were asked to bear, the latest first."""
        asked = self.query(PageQuery)
        found = interest_of(party_of(caller_of(request)))
        return Response(LateInterestsSerializer(page(found, asked=asked)).data)


class InterestWaiverView(ApiView):
    policy = Policy.AGENT
    tag = "Overdue"

    @extend_schema(
        operation_id="waiveLateInterest",
        request=WaiverAsked,
        responses={200: LateInterestSerializer},
    )
    def put(self, request: Request, interest_id: int) -> Response:
        """Waive interest of the customer whom the agent speaks with; the next bill gives it
        back."""
        context, wanted = caller_of(request), min(interest_id, LARGEST_ID)
        party_id = party_of(context)
        by_contact.waive(context, interest_id=wanted, **self.body(WaiverAsked))
        (found,) = (each for each in interest_of(party_id) if each.id == wanted)
        return Response(LateInterestSerializer(found).data)


class DebitNoticesView(ApiView):
    policy = OWNERS
    tag = "Overdue"

    @extend_schema(
        operation_id="listDebitNotices",
        parameters=[PageQuery],
        responses=DebitNoticesSerializer(many=False),
    )
    def get(self, request: Request) -> Response:
        """The direct debits that the caller was told of, the latest first."""
        asked = self.query(PageQuery)
        found = debits_of(party_of(caller_of(request)))
        return Response(DebitNoticesSerializer(page(found, asked=asked)).data)


class DebitNoticeView(ApiView):
    policy = OWNERS
    tag = "Overdue"

    @extend_schema(operation_id="getDebitNotice", responses=DebitNoticeSerializer)
    def get(self, request: Request, notice_id: int) -> Response:
        """One of them, and what became of it."""
        found = debit_of(party_of(caller_of(request)), min(notice_id, LARGEST_ID))
        return Response(DebitNoticeSerializer(found).data)
