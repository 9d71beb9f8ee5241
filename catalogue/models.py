"""Releases of the catalogue, offerings beside Oscar's products, stock holds and the number pool."""

from enum import StrEnum

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import MD5

from catalogue.domain.model import Kind
from catalogue.domain.sourcing import PartnerKind
from commerce.kernel.states import Transitions


class Release(models.Model):
    """One immutable, dated state of everything that can be sold; a trigger refuses changes."""

    number = models.PositiveIntegerField(unique=True)
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    published_at = models.DateTimeField(help_text="business time from which it is sold")
    note = models.CharField(max_length=200, default="", blank=True)
    source = models.TextField(
        default="", help_text="JSON of the readable form that it was made from, in its order"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(number__gt=0), name="release_number_positive")
        ]
        indexes = [models.Index(fields=["-published_at", "-number"], name="release_by_date")]

    def __str__(self) -> str:
        return f"release {self.number}"


class Withdrawal(models.Model):
    """A release that was taken back before its day came; it never was and never will be sold."""

    release = models.OneToOneField(Release, on_delete=models.PROTECT, related_name="withdrawal")
    withdrawn_at = models.DateTimeField(help_text="business time")


class DraftState(StrEnum):
    """The life of a draft."""

    OPEN = "open"
    PUBLISHED = "published"
    DISCARDED = "discarded"


DRAFT_LIFE = Transitions({DraftState.OPEN: frozenset({DraftState.PUBLISHED, DraftState.DISCARDED})})


class Draft(models.Model):
    """A catalogue in the making, in parts; `version` counts its changes."""

    name = models.CharField(max_length=120)
    base = models.ForeignKey(
        Release, null=True, on_delete=models.PROTECT, related_name="+", help_text="begun from it"
    )
    state = models.CharField(max_length=9, default=DraftState.OPEN)
    version = models.PositiveIntegerField(default=1)
    opened_at = models.DateTimeField(help_text="business time")
    opened_by = models.CharField(max_length=200)
    release = models.ForeignKey(
        Release, null=True, on_delete=models.PROTECT, related_name="+", help_text="published as it"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in DraftState]),
                name="draft_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state="published", release__isnull=False)
                | (~Q(state="published") & Q(release__isnull=True)),
                name="draft_published_as_a_release",
            ),
        ]
        indexes = [models.Index(fields=["state", "-id"], name="drafts_by_state")]

    def __str__(self) -> str:
        return self.name


class DraftPart(models.Model):
    """A part of a draft: an offering, a rule, a category. `revision` counts its changes."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="parts")
    section = models.CharField(max_length=40)
    key = models.CharField(max_length=120)
    position = models.PositiveIntegerField()
    title = models.CharField(max_length=300, blank=True, default="", help_text="to find it by")
    data = models.TextField(help_text="JSON, in the order in which people wrote it")
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["draft", "section", "key"], name="draft_part_once")
        ]
        indexes = [
            models.Index(fields=["draft", "section", "position", "id"], name="draft_parts_in_order")
        ]

    def __str__(self) -> str:
        return f"{self.section}/{self.key}"


class Preview(models.Model):
    """A state of a draft as it would be sold. Its snapshot has the number `-id`."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="previews")
    digest = models.CharField(max_length=64)
    document = models.JSONField()
    made_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["draft", "digest"], name="preview_of_a_state_once")
        ]


class CatalogueAct(models.Model):
    """One act on the catalogue: who did what to which draft or release. Only ever added."""

    at = models.DateTimeField(help_text="business time")
    code = models.CharField(max_length=30)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200)
    draft = models.ForeignKey(Draft, null=True, on_delete=models.PROTECT, related_name="acts")
    release = models.ForeignKey(Release, null=True, on_delete=models.PROTECT, related_name="acts")
    values = models.JSONField(default=dict, help_text="what the act was about")
    trace_id = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["-id", "code"], name="catalogue_acts_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.code} by {self.actor_name}"


class Offering(models.Model):
    """The sidecar that says what an Oscar product is to us; its prices stand in the release."""

    product = models.OneToOneField(
        "catalogue.Product", on_delete=models.PROTECT, related_name="offering"
    )
    code = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=12)
    release = models.ForeignKey(
        Release,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the last release that sells it",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[str(kind) for kind in Kind]), name="offering_kind_known"
            )
        ]

    def __str__(self) -> str:
        return self.code


class SearchIndex(models.Model):
    """What can be found in the release documents with this digest; made again when it is missing.

    It hangs on the digest, so a release that is sold again finds its index.
    """

    digest = models.CharField(max_length=64, unique=True)


class SearchEntry(models.Model):
    """One offering, under its place in the document; its words are weighted A (name) to D."""

    index = models.ForeignKey(SearchIndex, on_delete=models.CASCADE, related_name="entries")
    place = models.PositiveIntegerField()
    words = SearchVectorField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["index", "place"], name="search_place_once")]
        indexes = [GinIndex(fields=["words"], name="search_by_words")]


class SearchWord(models.Model):
    """A word of the catalogue as it is written, without accents; typos are mended by it."""

    index = models.ForeignKey(SearchIndex, on_delete=models.CASCADE, related_name="words")
    word = models.CharField(max_length=64)
    entries = models.PositiveIntegerField(help_text="offerings that say it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["index", "word"], name="search_word_once")]
        indexes = [GinIndex(fields=["word"], opclasses=["gin_trgm_ops"], name="search_by_trigrams")]


class Supplier(models.Model):
    """The sidecar that says what an Oscar partner is to us; a shop has a door and opening hours."""

    partner = models.OneToOneField(
        "partner.Partner", on_delete=models.CASCADE, related_name="supplier"
    )
    kind = models.CharField(max_length=8, default=PartnerKind.OWN)
    preference = models.PositiveSmallIntegerField(
        default=0, help_text="of partners of a kind, the lowest is asked first"
    )
    line1 = models.CharField(max_length=80, blank=True, default="")
    postcode = models.CharField(max_length=10, blank=True, default="")
    city = models.CharField(max_length=80, blank=True, default="")
    hours = models.JSONField(default=list, blank=True, help_text="a text by language, line by line")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[str(kind) for kind in PartnerKind]),
                name="supplier_kind_known",
            ),
            models.CheckConstraint(
                condition=~Q(kind="shop") | (~Q(postcode="") & ~Q(city="") & ~Q(line1="")),
                name="shop_has_a_door",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.partner_id}"


class Supply(models.Model):
    """What a partner says beyond the pieces that are there: how long it takes, what will come.

    `coming` pieces, not sold yet, are expected on `back_order_on`; `coming_held` of them are kept.
    Written only while the stock record is locked.
    """

    stock_record = models.OneToOneField(
        "partner.StockRecord", on_delete=models.CASCADE, related_name="supply"
    )
    lead_days = models.PositiveSmallIntegerField(default=1, help_text="working days to ship")
    back_order_on = models.DateField(null=True, blank=True)
    coming = models.PositiveIntegerField(default=0)
    coming_held = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(coming_held__lte=F("coming")), name="never_oversold_beyond_what_comes"
            ),
            models.CheckConstraint(
                condition=Q(coming=0) | Q(back_order_on__isnull=False), name="what_comes_has_a_date"
            ),
        ]


class HoldState(StrEnum):
    """The life of a hold on stock."""

    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"
    RESTOCKED = "restocked"


HOLD_LIFE = Transitions(
    {
        HoldState.HELD: frozenset({HoldState.COMMITTED, HoldState.RELEASED}),
        HoldState.COMMITTED: frozenset({HoldState.RESTOCKED}),
    }
)


class StockHold(models.Model):
    """Pieces of one stock record kept for one buyer (`key`) until a business instant."""

    key = models.CharField(max_length=120)
    stock_record = models.ForeignKey(
        "partner.StockRecord", on_delete=models.PROTECT, related_name="holds"
    )
    quantity = models.PositiveIntegerField()
    coming = models.PositiveIntegerField(default=0, help_text="pieces of these still to come")
    state = models.CharField(max_length=9, default=HoldState.HELD)
    until = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "stock_record"], name="one_hold_per_record"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="hold_of_something"),
            models.CheckConstraint(
                condition=Q(coming__lte=F("quantity")), name="hold_comes_in_part_or_whole"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in HoldState]), name="hold_state_known"
            ),
        ]
        indexes = [models.Index(fields=["until"], condition=Q(state="held"), name="holds_by_end")]

    def __str__(self) -> str:
        return f"{self.key}: {self.quantity}"


class NumberState(StrEnum):
    """The life of a number in our pool."""

    FREE = "free"
    HELD = "held"
    ASSIGNED = "assigned"
    QUARANTINE = "quarantine"
    PORTING = "porting"
    PORTED_IN = "ported_in"
    PORTED_OUT = "ported_out"


NUMBER_LIFE = Transitions(
    {
        NumberState.FREE: frozenset({NumberState.HELD}),
        NumberState.HELD: frozenset(
            {
                NumberState.FREE,
                NumberState.ASSIGNED,
                NumberState.QUARANTINE,
                NumberState.PORTED_OUT,
            }
        ),
        NumberState.ASSIGNED: frozenset(
            {NumberState.QUARANTINE, NumberState.FREE, NumberState.PORTED_OUT}
        ),
        NumberState.QUARANTINE: frozenset(
            {NumberState.FREE, NumberState.HELD, NumberState.PORTING, NumberState.PORTED_OUT}
        ),
        NumberState.PORTING: frozenset({NumberState.PORTED_IN, NumberState.PORTED_OUT}),
        NumberState.PORTED_IN: frozenset({NumberState.QUARANTINE, NumberState.PORTED_OUT}),
        NumberState.PORTED_OUT: frozenset({NumberState.PORTING, NumberState.QUARANTINE}),
    }
)


class Number(models.Model):
    """A telephone number that we may give out, or that comes or came to us by porting."""

    msisdn = models.CharField(max_length=15, unique=True, help_text="national form, 0639980001")
    klass = models.CharField(max_length=12, default="standard")
    state = models.CharField(max_length=10, default=NumberState.FREE)
    key = models.CharField(max_length=120, default="", blank=True, help_text="who holds it")
    held_until = models.DateTimeField(null=True, blank=True, help_text="business time")
    quarantine_until = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in NumberState]),
                name="number_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="held") | Q(held_until__isnull=False),
                name="held_number_has_end",
            ),
            models.CheckConstraint(
                condition=Q(state="free", key="") | Q(state="quarantine") | ~Q(key=""),
                name="number_in_use_has_key",
            ),
            models.UniqueConstraint(
                fields=["key"], condition=~Q(key=""), name="one_number_per_key"
            ),
        ]
        indexes = [
            models.Index(
                fields=["klass", "msisdn"], condition=Q(state="free"), name="numbers_free"
            ),
            models.Index(F("held_until"), condition=Q(state="held"), name="numbers_held"),
            models.Index(F("klass"), MD5("msisdn"), name="numbers_by_place"),
            GinIndex(fields=["msisdn"], opclasses=["gin_trgm_ops"], name="numbers_by_trigrams"),
        ]

    def __str__(self) -> str:
        return self.msisdn
