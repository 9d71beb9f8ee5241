"""A browser without scripts, and a program: how people and clients speak HTTP to the shop."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, TypeVar
from urllib.parse import urljoin
from uuid import uuid4

import httpx

from commerce.local.demo.errors import StoryBroken

Answer = TypeVar("Answer")
PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between the tries of a client that is told to come again."""


@dataclass
class Form:
    """A form of a page: where it goes and what it would send as it stands.

    `choices` are the values that a select or a group of radio buttons offers.
    """

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)

    def field_of(self, *kinds: str) -> str:
        """The name of the first field of one of these types."""
        return next(name for name in self.names if self.kinds[name] in kinds)


class _Forms(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.forms: list[Form] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self.address, said.get("action") or self.address)
            self.forms.append(Form(action, said.get("method", "get").lower()))
        elif self.forms and tag in ("input", "select", "textarea", "button") and said.get("name"):
            self._field(tag, said)
        elif self.forms and tag == "option" and self._select:
            self._option(said)

    def _field(self, tag: str, said: Mapping[str, str]) -> None:
        form, name = self.forms[-1], said["name"]
        kind = said.get("type", "text") if tag == "input" else tag
        self._select = name if tag == "select" else ""
        if kind not in ("button", "submit"):
            form.names.append(name)
            form.kinds[name] = kind
        if kind in ("radio", "button", "submit"):
            form.choices.setdefault(name, []).append(said.get("value", ""))
        if kind in ("button", "submit", "image", "select"):
            return
        if kind not in ("checkbox", "radio") or "checked" in said:
            form.values[name] = said.get("value", "on" if kind == "checkbox" else "")

    def _option(self, said: Mapping[str, str]) -> None:
        form, value = self.forms[-1], said.get("value", "")
        form.choices.setdefault(self._select, []).append(value)
        if "selected" in said or self._select not in form.values:
            form.values[self._select] = value


def forms_of(html: str, *, address: str) -> tuple[Form, ...]:
    """The forms of a page that stands at `address`."""
    found = _Forms(address)
    found.feed(html)
    return tuple(found.forms)


@dataclass(frozen=True)
class Page:
    """What came back: its address after redirects, its text, its forms."""

    address: str
    text: str
    forms: tuple[Form, ...]

    def form_with(self, *names: str) -> Form:
        """The first form that has all these fields or buttons."""
        for form in self.forms:
            if set(names) <= {*form.names, *form.choices}:
                return form
        has = [[*form.names, *form.choices] for form in self.forms]
        raise StoryBroken(f"{self.address} has no form with {', '.join(names)}, only {has}")

    def form_to(self, pattern: str) -> Form:
        """The first form that goes to an address like this."""
        for form in self.forms:
            if re.search(pattern, form.action):
                return form
        has = [form.action for form in self.forms]
        raise StoryBroken(f"{self.address} has no form to {pattern}, only {has}")


class Browser:
    """Keeps cookies, follows redirects, fills forms; calls the JSON API as its scripts would."""

    def __init__(
        self, base: str, *, language: str = "en", transport: httpx.BaseTransport | None = None
    ) -> None:
        self._base = base
        self._client = httpx.Client(
            follow_redirects=True,
            timeout=30,
            headers={"Accept-Language": language},
            transport=transport,
        )

    def open(self, path: str) -> Page:
        """Raises StoryBroken for anything but 2xx."""
        return self._page(self._client.get(urljoin(self._base, path)))

    def send(self, form: Form, **values: str | Sequence[str]) -> Page:
        """Submit `form` with `values` over what it holds; several of one name as a sequence."""
        filled: dict[str, str | Sequence[str]] = {**form.values, **values}
        if form.method == "get":
            return self._page(self._client.get(form.action, params=filled))
        headers = {"Referer": form.action}
        return self._page(self._client.post(form.action, data=filled, headers=headers))

    def api(
        self, method: str, path: str, body: Any = None, *, status: int | None = None
    ) -> dict[str, Any]:
        """Call the JSON API with the browser's cookies. Raises StoryBroken for another status.

        What is unavailable for the moment is tried again under the same key.
        """
        headers = {"Referer": self._base}
        if method != "GET":
            headers["Idempotency-Key"] = str(uuid4())
        token = self._client.cookies.get("csrftoken")
        if token:
            headers["X-CSRFToken"] = token
        url = f"{self._base}/api/v1/{path}"
        for pause in PAUSES:
            answer = self._client.request(method, url, json=body, headers=headers)
            if answer.status_code != 503:
                break
            time.sleep(pause)
        return answered(answer, status=status)

    def _page(self, answer: httpx.Response) -> Page:
        if answer.is_error:
            raise StoryBroken(
                f"{answer.request.method} {answer.url} answered {answer.status_code}: "
                f"{plain_text(answer.text)[:600]}"
            )
        html = "html" in answer.headers.get("content-type", "")
        forms = forms_of(answer.text, address=str(answer.url)) if html else ()
        return Page(str(answer.url), answer.text, forms)


class Program:
    """An OAuth2 client with its own credentials."""

    def __init__(
        self,
        base: str,
        *,
        client_id: str,
        client_secret: str,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._base = base
        self._client = httpx.Client(
            timeout=60, headers={"Accept-Language": "en"}, transport=transport
        )
        told = answered(
            self._client.post(
                f"{base}/oauth/token/",
                data={"grant_type": "client_credentials"},
                auth=(client_id, client_secret),
            )
        )
        self._client.headers["Authorization"] = f"Bearer {told['access_token']}"

    def api(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        table: str | None = None,
        status: int | None = None,
        **query: str,
    ) -> dict[str, Any]:
        """As `Browser.api`; `table` is sent as CSV in place of a JSON body."""
        headers = {} if method == "GET" else {"Idempotency-Key": str(uuid4())}
        url = f"{self._base}/api/v1/{path}"
        if table is None:
            answer = self._client.request(method, url, json=body, params=query, headers=headers)
        else:
            headers["Content-Type"] = "text/csv"
            answer = self._client.request(
                method, url, content=table.encode(), params=query, headers=headers
            )
        return answered(answer, status=status)


def answered(answer: httpx.Response, *, status: int | None = None) -> dict[str, Any]:
    """The JSON of an answer. Raises StoryBroken unless it has `status` (any success, if None)."""
    if answer.is_error if status is None else answer.status_code != status:
        raise StoryBroken(
            f"{answer.request.method} {answer.url} answered {answer.status_code}: "
            f"{answer.text[:600]}"
        )
    body = answer.json() if answer.content else {}
    return body if isinstance(body, dict) else {"items": body}


def wait_for(
    look: Callable[[], Answer | None], *, what: str, seconds: float = 60, every: float = 0.5
) -> Answer:
    """What `look` finds, once it finds something. Raises StoryBroken when it takes too long."""
    until = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > until:
            raise StoryBroken(f"{what} did not come within {seconds:g} seconds")
        time.sleep(every)


def plain_text(html: str) -> str:
    """The words of a page."""
    words = re.sub(r"(?s)<(script|style|head).*?</\1>|<[^>]+>", " ", html)
    return re.sub(r"\s+", " ", words).strip()
