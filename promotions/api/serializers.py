"""Batches of single-use codes as the API shows them."""

from rest_framework import serializers

from commerce.web.fields import Day, Shown, Strict, Word
from promotions.services.batches import MOST


class BatchQuery(Strict):
    promotion = Word(max_length=80, default="", allow_blank=True, help_text="Only of this one")


class BatchAsked(Strict):
    promotion = Word(max_length=80, help_text="Code of a promotion with `single_use: true`")
    name = Word(max_length=80, help_text="What the codes are for; once per promotion")
    count = serializers.IntegerField(min_value=1, max_value=MOST)
    last_day = Day(required=False, help_text="On which a code is still good; none: for ever")


class BatchSerializer(Shown):
    """A batch of codes, each good for one order. They can be written out once."""

    id = serializers.IntegerField()
    promotion = serializers.CharField()
    name = serializers.CharField()
    count = serializers.IntegerField(min_value=1)
    redeemed = serializers.IntegerField(min_value=0)
    reserved = serializers.IntegerField(min_value=0, help_text="By checkouts under way")
    made_at = serializers.DateTimeField()
    made_by = serializers.CharField()
    valid_until = serializers.DateTimeField(allow_null=True)
    exported_at = serializers.DateTimeField(allow_null=True)
    exported_by = serializers.CharField(allow_blank=True)


class BatchesSerializer(Shown):
    batches = BatchSerializer(many=True)
