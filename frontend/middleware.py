"""A refusal of the house becomes a page, or a message on the page that the form came from."""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

from django.contrib import messages
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from commerce.kernel.errors import FaisceauError, Forbidden, NotFound
from commerce.web.errors import bad_request, error_page
from commerce.web.problems import Problem, is_api, problem_of
from frontend.sentences import sentence_of, way_out_of


class RefusalsAsPages:
    """Answers kernel errors that a view lets through; programs get their problem document."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and not is_api(request):
            # Django's own answer is empty.
            sentence = _("This address only takes a form. Go back to the page that you came from.")
            headers = {"Allow": response.headers.get("Allow", "")}
            problem = Problem(405, "method_not_allowed", sentence, headers=headers)
            return error_page(request, problem)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if is_api(request):
            return None
        if isinstance(error, DataError) and "NUL" in str(error):
            return bad_request(request, error)  # Of an address or a form; no text of ours has one.
        if not isinstance(error, FaisceauError):
            return None
        sentence = " ".join(part for part in (sentence_of(error), way_out_of(error)) if part)
        back = _came_from(request)
        if request.method == "POST" and back and not isinstance(error, NotFound | Forbidden):
            messages.error(request, sentence)
            return HttpResponseRedirect(back)
        problem = problem_of(error)
        if problem is None:
            return None
        return error_page(request, replace(problem, sentence=sentence))


def _came_from(request: HttpRequest) -> str:
    """The path of the page that sent the form, if it is one of ours."""
    referer = request.headers.get("referer", "")
    if not url_has_allowed_host_and_scheme(referer, allowed_hosts={request.get_host()}):
        return ""
    parts = urlsplit(referer)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
