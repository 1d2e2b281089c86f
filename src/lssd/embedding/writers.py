"""Names for files that one process alone appends to, so that no two ever write into one."""

import os
import platform
import re
import uuid


def own_name() -> str:
    """A name that says which machine and process wrote, and is new at every call."""
    host = re.sub(r"\W+", "-", platform.node()) or "host"
    return f"{host}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
