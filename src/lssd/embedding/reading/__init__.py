"""Windows of files decoded ahead: what to read (plan), in this process or in helpers (pool, worker)."""
