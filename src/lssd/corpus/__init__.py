"""Titles become a corpus: identified, cut at their shots, stored as clips with all their tracks.

`ingest` writes, `Catalog` reads (`ShardReader` its stored bytes alone), `describe_corpus` counts, `verify`
checks every stored byte. `schema` has the types of the tables' rows.
"""

from lssd.corpus.catalog import Catalog
from lssd.corpus.cut import ClipSettings
from lssd.corpus.describe import CorpusDescription, describe_corpus
from lssd.corpus.fingerprints import FINGERPRINT
from lssd.corpus.ingest import IngestSettings, Plan
from lssd.corpus.reading import LostShardError, ShardReader
from lssd.corpus.records import SPLITS
from lssd.corpus.schema import Member, rows_of
from lssd.corpus.verify import Verdict

__all__ = [
    "FINGERPRINT",
    "SPLITS",
    "Catalog",
    "ClipSettings",
    "CorpusDescription",
    "IngestSettings",
    "LostShardError",
    "Member",
    "Plan",
    "ShardReader",
    "Verdict",
    "describe_corpus",
    "rows_of",
]
