"""A draft's promotions tried before they are on sale, for those who manage the catalogue."""

from datetime import date, datetime, timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence
from commerce.ordering.api.serializers.trials import (
    MOST_DAYS,
    TrialQuery,
    TrialSerializer,
    answered,
)
from commerce.ordering.trials import INSTANT, LAST_MONTH, on_samples, trial_page
from commerce.web.policy import Policy
from commerce.web.views import ApiView

LARGEST_ID = 2**63 - 1
EARLIEST = datetime(2000, 1, 1, tzinfo=PARIS)


class TrialView(ApiView):
    policy = Policy.CATALOGUE
    tag = "Promotions"

    @extend_schema(
        operation_id="tryDraft",
        parameters=[TrialQuery],
        responses=TrialSerializer(many=False),
    )
    def get(self, request: Request, draft: int) -> Response:
        """What the promotions of a draft would have cost, against those in force.

        Order by order as they were placed, a page at a time, at the prices of their release. What
        differs is tried as if it ran then and everybody had its code, within its limits.
        """
        asked = self.query(TrialQuery)
        until = _begin(asked["until"]) if "until" in asked else business_now() + INSTANT
        since = _begin(asked["since"]) if "since" in asked else max(until, EARLIEST) - LAST_MONTH
        if since < EARLIEST or not timedelta() <= until - since <= timedelta(days=MOST_DAYS):
            raise InvalidInput(
                Sentence("At most %(days)s days, and the first before the last.", days=MOST_DAYS),
                code="days_out_of_range",
                field="since",
            )
        page = trial_page(
            min(draft, LARGEST_ID),
            since=since,
            until=until,
            after=asked["after"],
            limit=asked["limit"],
        )
        samples = () if asked["after"] else on_samples(page.change)
        return Response(answered(page, samples))


def _begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=PARIS)
