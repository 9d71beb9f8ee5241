"""Coming in and going out: log-in, registration, a forgotten password."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role, StaffKind
from commerce.accounts.services.customers import register_customer
from commerce.accounts.services.passwords import ask_for_password, set_password, user_of_link
from commerce.accounts.session import log_in, log_in_user, log_out
from commerce.kernel.errors import FaisceauError, NotFound
from commerce.web.policy import Policy, policy
from frontend import errors
from frontend.account.forms import ForgottenForm, LogInForm, NewPasswordForm, RegisterForm

PORTAL, OPERATIONS = "/portal/", "/ops/"


@policy(Policy.VISITOR)
@never_cache
@sensitive_post_parameters()
def log_in_page(request: HttpRequest) -> HttpResponse:
    """One door for customers, members of organisations and staff; each comes out at his place."""
    wanted = _wanted(request)
    form = LogInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        context = log_in(request, **form.cleaned_data)
        if context is not None:
            return redirect(wanted or home_of(context))
        form.add_error(
            None,
            _(
                "E-mail address and password don't match. After several tries in a row, please "
                "wait an hour or choose a new password."
            ),
        )
    elif request.method == "GET" and request.user.is_authenticated:
        return redirect(home_of(context_for_request(request)))
    values = {"form": form, "next": wanted, "for_staff": wanted.startswith("/agent/")}
    return render(request, "frontend/account/login.html", values, status=_status(form))


@policy(Policy.VISITOR)
@require_POST
def log_out_page(request: HttpRequest) -> HttpResponse:
    log_out(request)
    return redirect("account:login")


@policy(Policy.VISITOR)
@never_cache
@sensitive_post_parameters()
def register(request: HttpRequest) -> HttpResponse:
    """A new customer; what the visitor did before becomes his."""
    form = RegisterForm(request.POST or None)
    wanted = _wanted(request)
    if request.method == "POST" and form.is_valid():
        try:
            user = register_customer(
                **form.cleaned_data,
                language=get_language() or "fr",
                context=context_for_request(request),
            )
        except FaisceauError as error:
            errors.put(form, error)
        else:
            return redirect(wanted or home_of(log_in_user(request, user=user)))
    values = {"form": form, "next": wanted}
    return render(request, "frontend/account/register.html", values, status=_status(form))


@policy(Policy.VISITOR)
def forgotten(request: HttpRequest) -> HttpResponse:
    """Have a link sent; the answer is the same whether or not there is such an account."""
    form = ForgottenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        ask_for_password(email=form.cleaned_data["email"])
        return redirect("account:password_sent")
    return render(request, "frontend/account/forgotten.html", {"form": form}, status=_status(form))


@policy(Policy.VISITOR)
def forgotten_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "frontend/account/forgotten_sent.html")


@policy(Policy.SIGNED)
@never_cache
@sensitive_post_parameters()
def new_password(request: HttpRequest, user: str, token: str) -> HttpResponse:
    """The page that the link leads to; the link is used up by the new password."""
    form = NewPasswordForm(request.POST or None)
    values: dict[str, object] = {"form": form}
    try:
        values["email"] = user_of_link(user=user, token=token).email
        if request.method == "POST" and form.is_valid():
            found = set_password(user=user, token=token, password=form.cleaned_data["password"])
            return redirect(home_of(log_in_user(request, user=found)))
    except NotFound:
        return render(request, "frontend/account/link_used.html", status=404)
    except FaisceauError as error:
        errors.put(form, error)
    return render(request, "frontend/account/new_password.html", values, status=_status(form))


def home_of(context: AccountContext) -> str:
    """Where somebody belongs after logging in."""
    if StaffKind.AGENT in context.staff:
        return reverse("agent:home")
    if StaffKind.CATALOGUE_MANAGER in context.staff:
        return reverse("backoffice:home")
    if context.staff:
        return OPERATIONS
    if context.role is not Role.CUSTOMER:
        return PORTAL
    return reverse("account:home")


def _wanted(request: HttpRequest) -> str:
    """The page that was asked for before logging in, if it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else ""


def _status(form: LogInForm | RegisterForm | ForgottenForm | NewPasswordForm) -> int:
    return 422 if form.is_bound and form.errors else 200
