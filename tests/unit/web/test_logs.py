"""Logs carry no secret of an address."""

import logging

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import ResolverMatch

from commerce.web.logs import TraceFilter
from commerce.web.middleware import trace_request


def opened(token: str) -> object:
    request = RequestFactory().get(f"/accept/{token}/")
    request.resolver_match = ResolverMatch(lambda _: HttpResponse(), (), {"token": token})
    return request


def test_the_access_log_hides_the_secret_of_a_link(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="faisceau.access"):
        trace_request(lambda _: HttpResponse())(opened("s3cr3t-of-the-link"))  # type: ignore[arg-type]
    assert caplog.messages == ["GET /accept/***/"]


def test_what_django_says_of_a_failed_request_hides_it_too() -> None:
    record = logging.LogRecord(
        "django.request", 30, "f", 1, "%s: %s", ("Not Found", "/accept/s3cr3t/"), None
    )
    record.request = opened("s3cr3t")
    TraceFilter().filter(record)
    assert record.getMessage() == "Not Found: /accept/***/"
    assert "s3cr3t" not in repr(vars(record))


def test_a_path_without_a_secret_is_logged_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="faisceau.access"):
        trace_request(lambda _: HttpResponse())(RequestFactory().get("/phones/"))
    assert caplog.messages == ["GET /phones/"]
