"""The process table: every process of a local stack, in the order in which they start."""

import signal

from commerce.local import redis_server
from commerce.local.place import ROOT, Place
from commerce.local.ports import LOOPBACK
from commerce.local.postgres import SUPERUSER
from commerce.local.spec import Http, Postgres, ProcessSpec, Redis, Says, Stage
from commerce.local.steps import CREDENTIALS


def process_table(place: Place) -> tuple[ProcessSpec, ...]:
    """What `place` runs; a part that an outside service stands in for has no line."""
    python, secrets = place.python, place.secrets
    public = place.env["PUBLIC_URL"]
    lines = (
        *_postgres(place),
        ProcessSpec(
            name="redis",
            stage=Stage.STORE,
            argv=(str(redis_server.program()), str(place.run_dir / "redis" / "redis.conf")),
            env={},
            home=place.run_dir,
            ready=Redis(place.redis_url),
            patience=15,
        ),
        ProcessSpec(
            name="payments",
            stage=Stage.OUTSIDE_WORLD,
            argv=(python, "-m", "commerce.sandbox.payments"),
            env=place.sandbox_env(
                "payments",
                STRIPE_API_KEY=secrets.stripe_api_key,
                STRIPE_WEBHOOK_SECRET=secrets.stripe_webhook_secret,
                STRIPE_WEBHOOK_URL=f"{public}/webhooks/stripe",
            ),
            home=ROOT,
            ready=Http(f"{place.url('payments')}/healthz"),
        ),
        ProcessSpec(
            name="providers",
            stage=Stage.OUTSIDE_WORLD,
            argv=(python, "-m", "commerce.sandbox.providers"),
            env=place.sandbox_env(
                "providers",
                PROVIDERS_API_KEY=secrets.providers_api_key,
                PROVIDERS_CALLBACK_SECRET=secrets.providers_callback_secret,
                PROVIDERS_CALLBACK_URL=f"{public}/callbacks/providers",
            ),
            home=ROOT,
            ready=Http(f"{place.url('providers')}/healthz"),
        ),
        ProcessSpec(
            name="merchant",
            stage=Stage.OUTSIDE_WORLD,
            argv=(python, "-m", "commerce.sandbox.merchant"),
            env=place.sandbox_env(
                "merchant",
                MERCHANT_OPERATOR_URL=public,
                MERCHANT_CREDENTIALS=str(place.run_dir / CREDENTIALS),
            ),
            home=ROOT,
            ready=Http(f"{place.url('merchant')}/healthz"),
        ),
        ProcessSpec(
            name="web",
            stage=Stage.APPLICATION,
            argv=(
                *(python, "-m", "gunicorn", "commerce.wsgi"),
                *("--bind", f"{LOOPBACK}:{place.ports['web']}"),
                *("--preload", "--worker-class", "gthread", "--workers", "2", "--threads", "8"),
                *("--timeout", "60", "--graceful-timeout", "5", "--no-control-socket"),
            ),
            env=place.env,
            home=ROOT,
            ready=Http(f"{place.url('web')}/readyz"),
        ),
        ProcessSpec(
            name="worker",
            stage=Stage.APPLICATION,
            argv=(
                *(python, "-m", "celery", "-A", "commerce.celery", "worker"),
                *("--pool", "prefork", "--concurrency", "2", "--loglevel", "INFO"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ),
            env=place.env,
            home=ROOT,
            # It ends what it has begun: a call of another's program may take ten seconds.
            grace=20,
            ready=Says(" ready."),
        ),
        ProcessSpec(
            name="pump",
            stage=Stage.APPLICATION,
            argv=(python, "manage.py", "pump"),
            env=place.env,
            home=ROOT,
            ready=Says("pump ready"),
        ),
    )
    return tuple(line for line in lines if place.runs(line.name))


def _postgres(place: Place) -> tuple[ProcessSpec, ...]:
    cluster = place.cluster
    if cluster is None:
        return ()
    return (
        ProcessSpec(
            name="postgres",
            stage=Stage.STORE,
            argv=cluster.argv,
            env={"LC_ALL": "C", "TZ": "UTC"},
            home=cluster.data,
            home_is_own=True,
            account=cluster.account,
            # SIGINT is the fast shutdown; SIGTERM would wait for every client to leave.
            stop=signal.SIGINT,
            grace=20,
            ready=Postgres(
                cluster.url(
                    user=SUPERUSER,
                    password=place.secrets.superuser_password,
                    database="postgres",
                )
            ),
        ),
    )
