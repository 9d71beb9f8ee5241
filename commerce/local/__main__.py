"""`python -m commerce.local run|demo|bench|chaos|exec`: the local stack from the command line."""

import argparse
import importlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from commerce.local import postgres
from commerce.local.errors import StackError
from commerce.local.files import read_json
from commerce.local.place import ROOT
from commerce.local.stack import INFO_FILE, Stack, outside_services, temporary_run_dir

DEMO, BENCH, CHAOS = "commerce.local.demo.play", "tests.bench.harness", "tests.chaos.play"


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    chosen: Callable[[argparse.Namespace], int] = options.act
    try:
        with _signals_as_interrupt():
            return chosen(options)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", flush=True)
        return 130


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM, then leave no process behind."""
    stack = Stack(options.run_dir, port=options.port, outside=outside_services(os.environ))
    try:
        with stack:
            print(_welcome(stack), flush=True)
            stack.wait()
            raise StackError(f"The stack is stopped. {stack.failure}")
    except KeyboardInterrupt:
        print("stopped", flush=True)
        return 0


def demo(options: argparse.Namespace) -> int:
    """A stack in a temporary folder and the story of its three orders."""
    story = _module(DEMO, "The demonstration")
    with temporary_run_dir("demo") as run_dir, Stack(run_dir, durable=False) as stack:
        return int(story.main(stack, sabotage=options.sabotage))


def bench(options: argparse.Namespace) -> int:
    """A stack in a temporary folder on a disk that is waited for, and the measurements on it."""
    harness = _module(BENCH, "The benchmark harness")
    with (
        temporary_run_dir("bench") as run_dir,
        Stack(run_dir, settings=harness.SETTINGS, extra_env=harness.ENVIRONMENT) as stack,
    ):
        return int(harness.main(stack, full=options.full))


def chaos(options: argparse.Namespace) -> int:
    """A stack in a temporary folder whose every part is killed while it works."""
    play = _module(CHAOS, "The chaos run")
    with (
        temporary_run_dir("chaos") as run_dir,
        Stack(run_dir, extra_env=play.ENVIRONMENT) as stack,
    ):
        return int(play.main(stack))


def execute(options: argparse.Namespace) -> int:
    """Run a command in the environment of the stack that runs in the folder."""
    stored: dict[str, Any] = read_json(options.run_dir / INFO_FILE)
    if not stored:
        raise StackError(f"No stack was started in {options.run_dir} yet: `make run` starts one.")
    command = [part for part in options.command if part != "--"]
    if not command:
        raise StackError("Say which command to run after `--`.")
    return subprocess.run(command, env={**os.environ, **stored["env"]}, check=False).returncode


def clean(options: argparse.Namespace) -> int:
    """Remove the folder and its database; a stack that runs there is left alone and said so."""
    stack = Stack(options.run_dir)
    if options.run_dir.exists():
        stack.prepare()
        stack.stop()
        postgres.remove(options.run_dir)
        shutil.rmtree(options.run_dir)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m commerce.local", description=__doc__)
    parser.set_defaults(run_dir=Path(os.environ.get("RUN_DIR") or ROOT / ".run"))
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run", help="start everything and serve until Ctrl-C")
    one.set_defaults(act=run)
    one.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 0) or None)
    one = commands.add_parser("demo", help="drive the three orders and compare every bill")
    one.set_defaults(act=demo)
    one.add_argument("--sabotage", default=os.environ.get("SABOTAGE") or None)
    one = commands.add_parser("bench", help="measure")
    one.set_defaults(act=bench)
    one.add_argument("--full", action="store_true")
    one = commands.add_parser("chaos", help="kill everything while orders run, then judge")
    one.set_defaults(act=chaos)
    one = commands.add_parser("exec", help="run a command beside the running stack")
    one.set_defaults(act=execute)
    one.add_argument("command", nargs=argparse.REMAINDER)
    one = commands.add_parser("clean", help="remove the state of `run`")
    one.set_defaults(act=clean)
    return parser


def _module(name: str, what: str) -> ModuleType:
    """A part that is looked up by name, because it is not below this package."""
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise StackError(f"{what} ({name}) is not part of this version.")
    return importlib.import_module(name)


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """SIGTERM and a closed terminal end the stack as Ctrl-C does; a second one changes nothing."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _welcome(stack: Stack) -> str:
    info = stack.info
    lines = [
        "",
        f"  Faisceau         {info.web_url}",
        f"  API              {info.web_url}/api/schema/",
        *([f"  Payment sandbox  {info.payments_url}"] if info.payments_url else []),
        f"  Providers        {info.providers_url}",
        f"  Inbox            {info.providers_url}/inbox",
        f"  Merchant         {info.merchant_url}",
        "",
        *_credential_lines(info.credentials),
        f"  Addresses, logins and API clients: {stack.run_dir / INFO_FILE}",
        f"  Logs: {stack.run_dir / 'logs'}",
        "  Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(lines)


def _credential_lines(credentials: Any) -> Iterator[str]:
    """The demo logins, which `load_demo` wrote as objects with role, login and password."""
    for login in credentials.get("logins", []):
        role = login.get("role", "")
        yield f"  {role:<16} {login.get('login')}  {login.get('password')}"
    if credentials.get("logins"):
        yield ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
