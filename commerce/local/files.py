"""Small files of the stack's folder: JSON, written whole or not at all, private."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_private(path: Path, text: str) -> None:
    """Replace `path` by `text` with mode 0600; a crash leaves the old file or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as target:
        target.write(text)
    os.replace(name, path)


def write_json(path: Path, value: object) -> None:
    write_private(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`; empty if the file is missing or was not written by `write_json`."""
    try:
        value = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def tail(path: Path, *, lines: int = 20) -> str:
    """The last lines of a log."""
    try:
        with path.open("rb") as source:
            source.seek(max(0, path.stat().st_size - 64_000))
            text = source.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
