"""Addresses that Oscar's dashboard links to, led to the pages of our shop and account."""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from commerce.web.policy import Policy, policy


@policy(Policy.PUBLIC)
def shop(_request: HttpRequest, **_names: Any) -> HttpResponse:
    """The shop's first page."""
    return redirect("/")


@policy(Policy.PUBLIC)
def on_sale(_request: HttpRequest, *, product_slug: str, **_names: Any) -> HttpResponse:
    """Where customers see the product: found by the words of its code."""
    words = product_slug.removeprefix("family-").replace("-", " ")
    return redirect(f"/search/?{urlencode({'q': words})}")


@policy(Policy.PUBLIC)
def account(_request: HttpRequest) -> HttpResponse:
    """One's own account."""
    return redirect("/account/")


@policy(Policy.PUBLIC)
def log_in(_request: HttpRequest) -> HttpResponse:
    """Our log-in; it sends back to the dashboard."""
    return redirect("/account/login/?next=/backoffice/catalogue/")


@policy(Policy.CATALOGUE)
def products(_request: HttpRequest) -> HttpResponse:
    """The dashboard opens with what is sold."""
    return redirect("dashboard:catalogue-product-list")


@policy(Policy.CATALOGUE)
def closed(_request: HttpRequest, **_names: Any) -> HttpResponse:
    """A page of Oscar's that we don't use but that its templates name.

    Raises:
        Http404: always.
    """
    raise Http404


@policy(Policy.PUBLIC)
def log_out(_request: HttpRequest) -> HttpResponse:
    """Our log-out, which asks once more."""
    return redirect("/account/logout/")
