"""Structured logs that carry the trace; what the edge needs of tracing, by one name."""

import logging

from commerce.kernel.trace import current_trace, traced, traceparent

__all__ = ["TraceFilter", "current_trace", "traced", "traceparent"]


class TraceFilter(logging.Filter):
    """Puts the present trace id on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.trace_id = current_trace()
        return True
