"""Pages for people: what happens in the simulated world, what goes wrong there, and the inbox."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from commerce.sandbox.common.clock import Clock
from commerce.sandbox.common.faults import FaultRefused
from commerce.sandbox.common.runner import Runner
from commerce.sandbox.common.storage import Database
from commerce.sandbox.providers.callbacks import Callbacks
from commerce.sandbox.providers.faults import SECONDS, Faults
from commerce.sandbox.providers.ledger import Ledger
from commerce.sandbox.providers.links import linked
from commerce.sandbox.providers.parties import content, messages, porting, smdp
from commerce.sandbox.providers.protocol import Json, Party, Refusal
from commerce.sandbox.providers.world import World

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "style.css").read_text()
SHOWN = 40
INBOX = 200
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; frame-src 'self'"
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation;"
    " default-src 'none'; style-src 'unsafe-inline'; img-src data:"
)
"""A mail shows its own styles and data images, runs nothing and loads nothing."""

Act = Callable[[Mapping[str, str]], None]


class Pages:
    """Server-rendered, without scripts."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        world: World,
        ledger: Ledger,
        callbacks: Callbacks,
        faults: Faults,
        parties: Mapping[str, Party],
        runner: Runner,
    ) -> None:
        self._database = database
        self._clock = clock
        self._world = world
        self._ledger = ledger
        self._callbacks = callbacks
        self._faults = faults
        self._parties = parties
        self._runner = runner
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
        )
        self._templates.filters.update(instant=_instant, linked=linked)

    def routes(self) -> list[Route]:
        acts: dict[str, Act] = {
            "outage": self._switch_outage,
            "fault": self._plant,
            "clear": self._clear,
            "hurry": self._hurry,
            "download": self._download,
            "port-out": self._port_out,
        }
        return [
            Route("/", self.dashboard),
            Route("/inbox", self.inbox),
            Route("/inbox/{message_id}", self.message),
            Route("/inbox/{message_id}/html", self.message_html),
            Route("/content/activate/{token}", self.activation),
            Route("/style.css", self.style),
            *(
                Route(f"/act/{name}", self._action(act), methods=["POST"])
                for name, act in acts.items()
            ),
        ]

    def dashboard(self, request: Request) -> Response:
        totals = self._ledger.totals()
        outages = self._faults.outages()
        providers = [
            {
                "code": code,
                "title": party.title,
                "arrivals": totals.get(code, {}).get("arrival", 0),
                "effects": totals.get(code, {}).get("effect", 0),
                "outage": outages.get(code) or outages.get(""),
            }
            for code, party in self._parties.items()
        ]
        return self._page(
            "dashboard.html",
            now=self._clock.now(),
            notice=request.query_params.get("notice", ""),
            providers=providers,
            kinds=[kind for kind in SECONDS if kind != "outage"],
            faults=[fault for fault in self._faults.listed() if fault["kind"] != "outage"],
            doubled=self._ledger.by_identity(doubled_only=True),
            arrivals=self._ledger.arrivals(newest=SHOWN)[::-1],
            callbacks=self._callbacks.listed(newest=SHOWN)[::-1],
            steps=self._world.open_steps(),
            profiles=self._profiles(),
        )

    def inbox(self, request: Request) -> Response:
        to = request.query_params.get("to", "")
        found = messages.sent(self._database, to=to, newest=INBOX)[::-1]
        return self._page("inbox.html", messages=found, to=to)

    def message(self, request: Request) -> Response:
        found = self._message(request)
        if found is None:
            return self._page("nothing.html", status=404, what="message")
        return self._page("message.html", message=found)

    def message_html(self, request: Request) -> Response:
        """The mail as its sender made it, in a frame that runs nothing."""
        found = self._message(request)
        if found is None or not found["html"]:
            return PlainTextResponse("There is no such mail.", 404)
        page = f'<meta charset="utf-8"><base target="_top">{found["html"]}'
        return HTMLResponse(page, headers={"Content-Security-Policy": MAIL_POLICY})

    def activation(self, request: Request) -> Response:
        """Where the customer opens his access to the content service."""
        token = request.path_params["token"]
        thing = self._world.get(token.partition(".")[0])
        if thing is None or not thing.facts.get("activation_url", "").endswith(f"/{token}"):
            return self._page("nothing.html", status=404, what="access")
        with self._database.transaction():
            thing = content.use(self._world, thing)
        self._runner.wake()
        return self._page("activation.html", entitlement=thing)

    def style(self, request: Request) -> Response:
        return Response(STYLE, media_type="text/css")

    def _action(self, act: Act) -> Callable[..., object]:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                return PlainTextResponse("Use the buttons of this page.", 403)
            form = dict(parse_qsl((await request.body()).decode(errors="replace")))
            notice = ""
            try:
                act(form)
            except (FaultRefused, Refusal) as error:
                notice = f"?{urlencode({'notice': str(error)})}"
            self._runner.wake()
            return RedirectResponse(f"/{notice}", 303)

        return endpoint

    def _switch_outage(self, form: Mapping[str, str]) -> None:
        """On or off, for one provider."""
        provider = form.get("provider", "")
        outage = self._faults.outages().get(provider)
        if outage is None:
            wish: Json = {"provider": provider, "kind": "outage"}
            self._faults.plant(wish, providers=self._parties.keys())
        else:
            self._faults.clear(outage)

    def _plant(self, form: Mapping[str, str]) -> None:
        wish: Json = {name: value for name, value in form.items() if value}
        self._faults.plant(wish, providers=self._parties.keys())

    def _clear(self, form: Mapping[str, str]) -> None:
        number = form.get("id", "")
        self._faults.clear(int(number) if number.isdecimal() else None)

    def _hurry(self, form: Mapping[str, str]) -> None:
        with self._database.transaction():
            self._world.hurry(request_key=form.get("request_key") or None)

    def _download(self, form: Mapping[str, str]) -> None:
        with self._database.transaction():
            smdp.download(self._world, iccid=form.get("iccid", ""), eid="")

    def _port_out(self, form: Mapping[str, str]) -> None:
        with self._database.transaction():
            porting.demand(self._world, {"slot": "08:00-12:00", **form})

    def _message(self, request: Request) -> Json | None:
        found = messages.sent(self._database, message_id=request.path_params["message_id"])
        return found[0] if found else None

    def _profiles(self) -> list[Json]:
        rows = self._database.rows(
            "SELECT id FROM thing WHERE kind = 'profile' ORDER BY rowid DESC LIMIT 10"
        )
        found = (self._world.get(row["id"]) for row in rows)
        return [{"activationCode": "", **thing.shown()} for thing in found if thing]

    def _page(self, template: str, *, status: int = 200, **context: object) -> Response:
        html = self._templates.get_template(template).render(**context)
        return HTMLResponse(html, status, headers={"Content-Security-Policy": POLICY})


def _instant(value: str | float) -> Markup:
    """Readable, to the second, in UTC."""
    at = (
        datetime.fromisoformat(value)
        if isinstance(value, str)
        else datetime.fromtimestamp(value, UTC)
    )
    return Markup('<time datetime="{}">{}</time>').format(
        at.isoformat(), escape(f"{at:%d %b %Y %H:%M:%S}")
    )
