"""Oscar's offers, switched off: what a customer gets is decided by `promotions` alone."""


class Applicator:
    """Applies nothing, whatever offers someone may have stored."""

    def apply(self, basket: object, user: object = None, request: object = None) -> None:
        """Leave the basket as it is."""
