"""Django's own checks find nothing, and every model has its migration."""

import pytest
from django.core.management import call_command


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
