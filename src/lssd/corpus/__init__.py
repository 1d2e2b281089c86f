"""Titles become a corpus: identified, cut at their shots, stored as clips with all their tracks.

`ingest` writes, `Catalog` reads, `describe_corpus` counts, `verify` checks every stored byte.
"""

from lssd.corpus.catalog import Catalog
from lssd.corpus.cut import ClipSettings
from lssd.corpus.describe import describe_corpus
from lssd.corpus.fingerprints import FINGERPRINT
from lssd.corpus.ingestion import IngestSettings, Plan, ingest
from lssd.corpus.integrity import Verdict, verify

__all__ = [
    "FINGERPRINT",
    "Catalog",
    "ClipSettings",
    "IngestSettings",
    "Plan",
    "Verdict",
    "describe_corpus",
    "ingest",
    "verify",
]
