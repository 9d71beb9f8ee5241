"""What Django answers by itself: a problem document for programs, a page for people."""

from django.http import HttpRequest, HttpResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.defaults import ERROR_PAGE_TEMPLATE

from commerce.kernel.trace import current_trace
from commerce.web.problems import Problem, is_api, problem_response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400"""
    return _answer(request, Problem(400, "malformed", _("The request is malformed.")))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403"""
    return _answer(request, Problem(403, "forbidden", _("You may not do this.")))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without, or with an old, token."""
    return _answer(
        request, Problem(403, "csrf", _("This page was open for too long. Load it again."))
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404"""
    return _answer(request, Problem(404, "not_found", _("There is nothing at this address.")))


def server_error(request: HttpRequest) -> HttpResponse:
    """500: nothing that could fail again."""
    sentence = _("Something went wrong on our side. Nothing was lost; please try again.")
    return _answer(request, Problem(500, "internal_error", sentence))


def error_page(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The page of a problem; a plain one when the pages' own template is missing or fails."""
    values = {"problem": problem, "trace_id": current_trace()}
    if problem.status < 500:
        try:
            names = [f"frontend/errors/{problem.status}.html", "frontend/errors/error.html"]
            html = render_to_string(names, values, request=request)
            return HttpResponse(html, status=problem.status, headers=dict(problem.headers))
        except TemplateDoesNotExist:
            pass
    else:
        try:  # without context processors: nothing that could fail again
            html = render_to_string("frontend/errors/500.html", values)
            return HttpResponse(html, status=problem.status, headers=dict(problem.headers))
        except Exception:  # noqa: S110
            pass
    plain = ERROR_PAGE_TEMPLATE % {"title": problem.status, "details": problem.sentence}
    return HttpResponse(plain, status=problem.status, headers=dict(problem.headers))


def _answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problem_response(problem) if is_api(request) else error_page(request, problem)
