"""QR codes as drawings that a camera reads; dark on light in every theme."""

import segno
from django.utils.safestring import SafeString

from frontend import svg

QUIET = 4
"""Light modules around a code (ISO/IEC 18004)."""


def drawn(made: segno.QRCode, *, title: str) -> SafeString:
    side = made.symbol_size(scale=1, border=QUIET)[0]
    marks = "".join(
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(made.matrix_iter(scale=1, border=QUIET))
        for x, dark in enumerate(row)
        if dark
    )
    box = svg.tag("rect", class_="qr-light", width=side, height=side)
    return svg.safe(
        [
            f'<svg class="qr" viewBox="0 0 {side} {side}" role="img" '
            f'shape-rendering="crispEdges">{svg.title(title)}{box}'
            f'<path class="qr-dark" d="{marks}"/></svg>'
        ]
    )
