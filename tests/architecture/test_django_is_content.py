"""Django's own checks find nothing, and every model has its migration."""

import pytest
from django.core.management import call_command
from django.db.models import Model
from django.db.models.deletion import Collector

from catalogue.models import Number
from commerce.events.models import IdempotencyRecord, Timer


def test_the_system_check_is_clean() -> None:
    call_command("check", fail_level="DEBUG")


@pytest.mark.django_db
def test_no_model_waits_for_a_migration() -> None:
    ours = ("accounts", "events", "notifications", "payments", "offering")
    call_command(
        "makemigrations",
        *(*ours, "promotions", "subscriptions", "ordering", "orchestration"),
        check=True,
        dry_run=True,
        verbosity=0,
    )


@pytest.mark.parametrize("model", [Timer, IdempotencyRecord, Number])
def test_what_is_deleted_on_a_condition_goes_in_one_statement(model: type[Model]) -> None:
    """A listener or a relation would split it: what changed between the two would be lost."""
    assert Collector(using="default").can_fast_delete(model._default_manager.all())
