"""Pictures for Oscar's dashboard: devices are drawn from their data, so nothing is resized."""

from typing import Any


class Originals:
    """Hands out the stored picture as it is."""

    def generate_thumbnail(self, source: Any, **_options: Any) -> Any:
        return source

    def delete_thumbnails(self, source: Any) -> None:
        """There are none."""
