"""Telling want of memory from other errors, whoever raises them, and in what was written of them."""

_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def lacks_memory(error: Exception) -> bool:
    """Whether an error says that memory does not suffice, of a GPU or of the machine."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and tells_of_memory(str(error)))


def tells_of_memory(reason: str) -> bool:
    """Whether a reason in words is such an error, or the end of a process, which it may have been."""
    return "MemoryError" in reason or any(words in reason.lower() for words in _WORDS)
