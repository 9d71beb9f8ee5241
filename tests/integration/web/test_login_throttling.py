"""Passwords can't be guessed at the door: after eight tries it stays shut for an hour."""

import pytest
from django.conf import settings
from django.test import Client

from commerce.accounts.models import User

pytestmark = pytest.mark.django_db
EMAIL, PASSWORD = "camille@example.test", "correct horse battery"


def tried(browser: Client, password: str, *, email: str = EMAIL) -> bool:
    """Whether this password opened the door."""
    browser.post("/account/login/", {"email": email, "password": password})
    return "_auth_user_id" in browser.session


def test_after_eight_wrong_passwords_the_right_one_is_refused_too() -> None:
    User.objects.create_user(EMAIL, PASSWORD)
    User.objects.create_user("other@example.test", PASSWORD)
    assert settings.AXES_FAILURE_LIMIT == 8
    for number in range(8):
        assert not tried(Client(), f"wrong {number}")
    assert not tried(Client(), PASSWORD)
    assert tried(Client(), PASSWORD, email="other@example.test")


def test_a_few_wrong_passwords_are_forgiven() -> None:
    User.objects.create_user(EMAIL, PASSWORD)
    for number in range(3):
        assert not tried(Client(), f"wrong {number}")
    assert tried(Client(), PASSWORD)


def test_another_way_of_writing_the_address_is_no_second_chance() -> None:
    User.objects.create_user(EMAIL, PASSWORD)
    for number in range(8):
        assert not tried(Client(), f"wrong {number}", email=EMAIL.upper())
    assert not tried(Client(), PASSWORD)


def test_the_door_of_the_back_office_counts_the_same_tries() -> None:
    User.objects.create_superuser(EMAIL, PASSWORD)
    for number in range(8):
        Client().post("/admin/login/", {"username": EMAIL.title(), "password": f"wrong {number}"})
    assert not tried(Client(), PASSWORD)
