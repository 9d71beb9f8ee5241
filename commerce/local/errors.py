class StackError(RuntimeError):
    """Something stops the stack; the message is one sentence that says what to do."""
