"""A Whisper of one layer with random weights, in the layouts of transformers and of CTranslate2."""

from pathlib import Path

import torch


def byte_symbols():
    """The 256 printable signs that byte-level tokenizers write bytes as."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def write_whisper(folder: Path) -> Path:
    """Knows English and Spanish; one token a byte."""
    from tokenizers import AddedToken
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )

    names = ["startoftranscript", "en", "es", "translate", "transcribe", "startoflm", "startofprev"]
    names = [f"<|{name}|>" for name in (*names, "nospeech", "notimestamps")]
    vocabulary = {symbol: number for number, symbol in enumerate(byte_symbols())}
    tokenizer = WhisperTokenizer(vocab={**vocabulary, "<|endoftext|>": 256}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": names})
    times = [AddedToken(f"<|{0.02 * step:.2f}|>", special=False) for step in range(1501)]
    tokenizer.add_tokens(times)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in names}
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(tokenizer),
            d_model=32,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            num_mel_bins=80,
            pad_token_id=256,
            bos_token_id=256,
            eos_token_id=256,
            decoder_start_token_id=ids["<|startoftranscript|>"],
            begin_suppress_tokens=None,
        )
    )
    with torch.no_grad():  # words rather than times
        model.model.decoder.embed_tokens.weight[256:] *= 0.1
    manner = model.generation_config
    manner.lang_to_id = {name: ids[name] for name in ("<|en|>", "<|es|>")}
    manner.task_to_id = {name: ids[f"<|{name}|>"] for name in ("transcribe", "translate")}
    manner.no_timestamps_token_id = ids["<|notimestamps|>"]
    manner.prev_sot_token_id = ids["<|startofprev|>"]
    manner._from_model_config = False  # or these would be lost in reading
    manner.is_multilingual, manner.alignment_heads = True, [[0, 0]]
    model.save_pretrained(folder)
    WhisperProcessor(WhisperFeatureExtractor(feature_size=80), tokenizer).save_pretrained(folder)
    return folder


def convert_whisper(folder: Path, out: Path) -> Path:
    """The same for faster-whisper."""
    from ctranslate2.converters import TransformersConverter

    copied = ["tokenizer.json", "processor_config.json"]
    TransformersConverter(str(folder), copy_files=copied).convert(str(out))
    return out
