"""The wait of an order until what goes before it is over."""

WAY = "way"
"""The key of the task."""
CLEAR = "way.clear"
"""What it waits for."""
