"""Clip shards: plain tar files whose members are found by byte range."""

import hashlib
import io
import os
import tarfile
from pathlib import Path
from types import TracebackType

from lssd.corpus.schema import Member
from lssd.store import sync_folder

_HEADER_BYTES = 512


class ShardWriter:
    """Write members into `FOLDER/STEM-000.tar`, `-001.tar`, ...; a context manager.

    A shard is closed once it holds `limit_bytes`, at the next clip. Members carry no time or owner,
    so equal members make equal shards.
    """

    def __init__(self, folder: Path, stem: str, limit_bytes: int = 1 << 30) -> None:
        self.folder, self.stem, self.limit_bytes = folder, stem, limit_bytes
        self._tar: tarfile.TarFile | None = None
        self._count = 0

    def __enter__(self) -> "ShardWriter":
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def begin_clip(self) -> None:
        """Announce a new clip: the only place where a new shard may begin."""
        if self._tar is not None and self._tar.offset < self.limit_bytes:
            return
        self._close()
        self._name = f"{self.stem}-{self._count:03d}.tar"
        self._tar = tarfile.open(self.folder / self._name, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        self._count += 1

    def add(
        self,
        clip_id: str,
        suffix: str,
        data: bytes,
        kind: str,
        track_id: str | None = None,
        language: str | None = None,
    ) -> Member:
        """Append `clip_id.suffix` and return its row of the table of members."""
        if self._tar is None:
            raise RuntimeError("begin_clip() comes before add()")
        info = tarfile.TarInfo(f"{clip_id}.{suffix}")
        info.size = len(data)
        offset = self._tar.offset + _HEADER_BYTES
        self._tar.addfile(info, io.BytesIO(data))
        return Member(
            clip_id=clip_id,
            kind=kind,
            track_id=track_id,
            language=language,
            shard=self._name,
            offset=offset,
            length=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )

    def _close(self) -> None:
        if self._tar is not None:
            self._tar.close()
            self._tar = None
            # A committed title must survive a power cut: its bytes reach the disk before the manifest.
            with (self.folder / self._name).open("rb") as file:
                os.fsync(file.fileno())
            sync_folder(self.folder)
