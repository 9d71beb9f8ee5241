"""What every page of the shop shows around its content: navigation, search, cart, legal links."""

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from catalogue.selectors import previewed

Link = dict[str, object]


def shop(request: HttpRequest) -> dict[str, object]:
    """Context processor. A page may set any of these keys; links without a page are left out."""
    return {
        "navigation": _links(
            request,
            ("shop:phones", _("Phones")),
            ("shop:plans", _("Plans")),
            ("shop:accessories", _("Accessories")),
            ("shop:business", _("Business")),
        ),
        "search_url": _path("shop:search"),
        "suggestions_url": _path("shop:suggestions"),
        "account_url": _path("account:home"),
        "cart_url": _path("shop:cart"),
        "preview": previewed(),
        "cart_code": request.session.get("cart_code", "") if hasattr(request, "session") else "",
        "footer_columns": footer_columns(request),
    }


def footer_columns(request: HttpRequest) -> list[dict[str, object]]:
    """The footer; ending and withdrawing stand out (Code de la consommation L215-1-1, L221-21)."""
    columns = [
        (_("Shop"), _links(
            request, ("shop:phones", _("Phones")), ("shop:plans", _("Plans")),
            ("shop:accessories", _("Accessories")), ("shop:business", _("Business")),
        )),
        (_("Your contract"), [
            *_links(request, ("account:home", _("My account"))),
            *_links(request, ("legal:end_contract", _("End your contract")),
                    ("legal:withdraw", _("Withdraw from the contract here")), strong=True),
        ]),
        (_("About"), _links(
            request, ("legal:terms", _("Terms of sale")),
            ("legal:notice", _("Legal notice")),
            ("legal:privacy", _("Personal data")),
            ("legal:accessibility", _("Accessibility")), ("shop:help", _("Help and contact")),
        )),
    ]  # fmt: skip
    return [{"title": title, "links": links} for title, links in columns if links]


def _links(request: HttpRequest, *items: tuple[str, str], strong: bool = False) -> list[Link]:
    links: list[Link] = []
    for name, label in items:
        path = _path(name)
        if path:
            current = path != "/" and request.path.startswith(path)
            links.append({"label": label, "url": path, "current": current, "strong": strong})
    return links


def _path(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
