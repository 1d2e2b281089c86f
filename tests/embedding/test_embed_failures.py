"""Files left out: by which name, whether they are tried again, and that none is forgotten."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from tests.evaluation.conftest import write_tone

from lssd.embedding import embed as embedding
from lssd.embedding.embed import Embeddings, Failure, embed
from lssd.engine import DIED
from lssd.errors import InputError
from lssd.models import Model


def test_files_whose_names_no_table_holds_are_left_out_by_name(model, tmp_path):
    good = write_tone(tmp_path / "in" / "good.wav", 500, 1)
    shutil.copy(good, tmp_path / "in" / os.fsdecode(b"caf\xe9.wav"))
    for out in ("rows.parquet", "rows.npz"):
        rows = embed(model, [tmp_path / "in"], tmp_path / out)
        assert rows.path == (str(good),) and "not UTF-8" in rows.failed[0].reason
        assert rows.failed[0].path.endswith(r"in/caf\udce9.wav")
        assert Embeddings.read(tmp_path / out).failed == rows.failed
    good.unlink()
    with pytest.raises(InputError, match=r"none of 1 files could be embedded; .*udce9.wav: its name"):
        embed(model, [tmp_path / "in"])


@pytest.mark.parametrize(
    ("reason", "again"),
    [
        (DIED, True),
        ("MemoryError: std::bad_alloc", True),
        ("RuntimeError: DefaultCPUAllocator: can't allocate memory", True),
        ("a.wav changed while it was read; run again when it is whole", True),
        ("/memory/a.wav is no film or sound", False),
    ],
)
def test_what_failed_for_want_of_memory_is_tried_again(model, tmp_path, calls, reason, again):
    good, out = write_tone(tmp_path / "good.wav", 500, 1), tmp_path / "rows.parquet"
    (tmp_path / "bad.wav").write_text("no sound")
    rows = embed(model, [good, tmp_path / "bad.wav"], out)
    replace(rows, failed=(Failure(str(tmp_path / "bad.wav"), reason),)).write(out)
    calls.clear()
    embed(model, [good, tmp_path / "bad.wav"], out)
    assert bool(calls) == again


def test_fewer_windows_at_once_when_memory_does_not_suffice(model, tmp_path, monkeypatch):
    path, asked = write_tone(tmp_path / "a.wav", 500, 100), []
    expected = embed(model, [path], pool="window", batch_size=5)
    real = Model.embed_audio

    def small(self, windows, batch):
        asked.append(batch)
        if batch > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, windows, batch=batch)

    monkeypatch.setattr(Model, "embed_audio", small)
    most = 5
    rows = embed(model, [path], pool="window", batch_size=16)
    np.testing.assert_allclose(rows.vectors, expected.vectors, atol=1e-5)
    assert asked == [16, 8, 4, 4, 1], "33 windows; halved once for all"
    most = 0
    with pytest.raises(InputError, match="one window does not fit the device's memory"):
        embed(model, [path])


def test_no_file_goes_unheard():
    """Whatever an embedder does: every file ends as rows or as a failure."""

    class Forgetful:
        data: ClassVar[dict] = {}

        def run(self, files):
            yield 0, Failure("a.wav", "broken")

    with pytest.raises(RuntimeError, match="1 of 2 files were neither embedded nor left out"):
        embedding._collect(embedding._Request([Path("a.wav"), Path("b.wav")], "audio", "file"), Forgetful())
