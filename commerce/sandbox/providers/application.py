"""The provider sandbox put together."""

from starlette.applications import Starlette
from starlette.routing import Route

from commerce.sandbox.common.clock import Clock
from commerce.sandbox.common.control import ClockControl
from commerce.sandbox.common.delivery import DeliveryQueue
from commerce.sandbox.common.runner import Runner
from commerce.sandbox.common.storage import Database
from commerce.sandbox.providers.callbacks import Callbacks, standard_webhooks
from commerce.sandbox.providers.control import ProviderControl
from commerce.sandbox.providers.faults import Faults
from commerce.sandbox.providers.gateway import Gateway
from commerce.sandbox.providers.ledger import Ledger
from commerce.sandbox.providers.pages import Pages
from commerce.sandbox.providers.parties import messages
from commerce.sandbox.providers.parties.biller import BILLER
from commerce.sandbox.providers.parties.content import CONTENT
from commerce.sandbox.providers.parties.einvoicing import EINVOICING
from commerce.sandbox.providers.parties.letters import LETTERS
from commerce.sandbox.providers.parties.messages import MESSAGES
from commerce.sandbox.providers.parties.network import NETWORK
from commerce.sandbox.providers.parties.porting import PORTING
from commerce.sandbox.providers.parties.shops import SHOPS
from commerce.sandbox.providers.parties.smdp import SMDP
from commerce.sandbox.providers.parties.warehouse import DROPSHIP, WAREHOUSE
from commerce.sandbox.providers.settings import ProviderSettings
from commerce.sandbox.providers.world import World

PARTIES = {
    party.code: party
    for party in (
        *(WAREHOUSE, DROPSHIP, SHOPS, PORTING, SMDP, NETWORK, CONTENT, MESSAGES, BILLER),
        LETTERS,
        EINVOICING,
    )
}


def build(settings: ProviderSettings) -> tuple[Starlette, Runner]:
    """The application and the runner that moves its world; the caller starts and stops it."""
    database = Database(settings.sandbox.database)
    clock = Clock(database)
    ledger, faults = Ledger(database, clock=clock), Faults(database, clock=clock)
    queue = DeliveryQueue(database, clock=clock, signer=standard_webhooks(settings.callback_secret))
    callbacks = Callbacks(
        database, clock=clock, queue=queue, faults=faults, url=settings.callback_url
    )
    messages.define(database)
    world = World(
        database,
        clock=clock,
        ledger=ledger,
        callbacks=callbacks,
        faults=faults,
        pace=settings.pace,
        public_url=settings.sandbox.public_url,
        parties=PARTIES,
    )
    runner = Runner(clock=clock, queue=queue, agendas=(world,))
    gateway = Gateway(
        database,
        world=world,
        ledger=ledger,
        callbacks=callbacks,
        faults=faults,
        parties=PARTIES,
        api_key=settings.api_key,
        wake=runner.wake,
    )
    control = ProviderControl(
        database,
        world=world,
        ledger=ledger,
        callbacks=callbacks,
        faults=faults,
        parties=PARTIES,
        wake=runner.wake,
    )
    pages = Pages(
        database,
        clock=clock,
        world=world,
        ledger=ledger,
        callbacks=callbacks,
        faults=faults,
        parties=PARTIES,
        runner=runner,
    )
    provider = Route("/{provider}/{rest:path}", gateway.handle, methods=["GET", "POST", "PATCH"])
    routes = [
        *ClockControl(clock=clock, runner=runner).routes(),
        *control.routes(),
        *pages.routes(),
        provider,
    ]
    return Starlette(routes=routes), runner
