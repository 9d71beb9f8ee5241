"""Every component on one page, for looking and for accessibility tests; development only."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language

from commerce.web.policy import Policy, policy
from frontend import styleguide


@policy(Policy.PUBLIC)
def show(request: HttpRequest) -> HttpResponse:
    """The styleguide; `?theme=dark` or `light` and `?dense=1` override what is given.

    Raises:
        Http404: the settings do not show it.
    """
    if not getattr(settings, "SHOW_STYLEGUIDE", False):
        raise Http404
    values = styleguide.context(get_language() or "fr")
    theme = request.GET.get("theme", "")
    values["theme"] = theme if theme in ("dark", "light") else ""
    values["base"] = (
        "frontend/base_dense.html" if request.GET.get("dense") else "frontend/base.html"
    )
    values |= {"area": "Faisceau", "who": "Camille Renard"}
    return render(request, "frontend/styleguide.html", values)
