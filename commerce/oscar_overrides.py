"""Oscar's seams: which of its classes are replaced by ours, by name.

Strings only, so that this page imports nothing of the product. Oscar looks its classes up through
`load_class` (setting `OSCAR_DYNAMIC_CLASS_LOADER`).
"""

from collections.abc import Sequence

from django.utils.module_loading import import_string
from oscar.core.loading import default_class_loader

OVERRIDES: dict[tuple[str, str], str] = {
    # prices come from the current release, never from Oscar's stock records
    ("partner.strategy", "Selector"): "catalogue.oscar_bridge.strategy.Selector",
    # advantages are decided by `promotions`; Oscar's offers stay idle
    ("offer.applicator", "Applicator"): "catalogue.oscar_bridge.applicator.Applicator",
}


def load_class(module_label: str, classnames: Sequence[str], module_prefix: str) -> list[object]:
    """The classes that Oscar asks for: ours where the table names one, else its own."""
    found: list[object] = []
    for name in classnames:
        replaced = OVERRIDES.get((module_label, name))
        found += (
            [import_string(replaced)]
            if replaced
            else default_class_loader(module_label, [name], module_prefix)
        )
    return found
