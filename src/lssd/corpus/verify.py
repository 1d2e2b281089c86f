"""Check a corpus byte by byte."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lssd.corpus.catalog import Catalog, DamagedTableError
from lssd.corpus.schema import Member, rows_of
from lssd.engine import Progress
from lssd.errors import CorpusError


@dataclass(frozen=True)
class Verdict:
    """How many members were checked, and a line for each that is not what the catalog says."""

    checked: int
    faults: tuple[str, ...]


def verify(path: str | Path, *, quiet: bool = False) -> Verdict:
    """Read every member of a corpus and compare its SHA-256 with the catalog's.

    Raises CorpusError when the folder is no corpus.
    """
    try:
        catalog = Catalog.open(path)
    except DamagedTableError as error:
        return Verdict(0, (str(error),))
    faults = []
    members = rows_of(Member, catalog.members)
    with Progress("verify", len(members), "members", quiet) as progress:
        for member in members:
            fault = _fault(catalog, member)
            if fault is not None:
                faults.append(fault)
            progress.advance()
    return Verdict(len(members), tuple(faults))


def _fault(catalog: Catalog, member: Member) -> str | None:
    name = f"{member.shard}: {member.clip_id} {member.kind} {member.track_id or ''}".rstrip()
    try:
        data = catalog.read(member)
    except CorpusError as error:
        return f"{name}: {error}"
    if hashlib.sha256(data).hexdigest() != member.sha256:
        return f"{name}: its bytes are not the ones that were stored"
    return None
