"""Files for spreadsheets."""


def cell(value: object) -> object:
    """No formula: texts come from outside. Figures stay figures."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
