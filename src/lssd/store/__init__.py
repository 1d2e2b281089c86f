"""Files that are whole or absent: content hashes, atomic commits, locks."""

from lssd.store.atomic import atomic_folder, atomic_path, sync_folder, write_bytes, write_json
from lssd.store.documents import read_json
from lssd.store.hashing import digest, hash_file, hash_json, hash_json_rows
from lssd.store.locks import lock

__all__ = [
    "atomic_folder",
    "atomic_path",
    "digest",
    "hash_file",
    "hash_json",
    "hash_json_rows",
    "lock",
    "read_json",
    "sync_folder",
    "write_bytes",
    "write_json",
]
