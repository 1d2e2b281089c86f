"""Translation models with random weights and vocabularies of a few pieces, as folders of transformers."""

from pathlib import Path

import torch

TEXTS = ["where are you", "over here by the lake", "¿dónde estás?", "aquí, junto al lago", "nous voilà enfin"]


def write_pieces(path: Path) -> Path:
    """A SentencePiece model of all letters that occur."""
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 4),
        model_prefix=str(path.with_suffix("")),
        vocab_size=60,
        hard_vocab_limit=False,
        model_type="unigram",
        minloglevel=2,
    )
    return path.with_suffix(".model")


def write_marian(folder: Path, targets: tuple[str, ...] = ()) -> Path:
    """English to Spanish, or to several targets, each asked for with a token such as >>fra<<."""
    import json

    import sentencepiece
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    pieces = write_pieces(folder / "spm.model")
    loaded = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
    names = ["</s>", "<unk>", *(loaded.id_to_piece(number) for number in range(3, len(loaded)))]
    names += [f">>{target}<<" for target in targets] + ["<pad>"]
    vocabulary = folder / "vocabulary.json"
    vocabulary.write_text(json.dumps({name: number for number, name in enumerate(names)}), encoding="utf-8")
    tokenizer = MarianTokenizer(
        source_spm=str(pieces),
        target_spm=str(pieces),
        vocab=str(vocabulary),
        source_lang="en",
        target_lang="mul" if targets else "es",
    )
    torch.manual_seed(0)
    pad = len(names) - 1
    config = MarianConfig(
        vocab_size=len(names),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        pad_token_id=pad,
        eos_token_id=0,
        decoder_start_token_id=pad,
        forced_eos_token_id=0,
    )
    MarianMTModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_madlad(folder: Path) -> Path:
    """A T5 with MADLAD-400's tokens for English, Spanish and French."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    words = ["<pad>", "</s>", "<unk>", "<2en>", "<2es>", "<2fr>", *sorted({*" ".join(TEXTS).split()})]
    inner = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>")
    )
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", pad_token="<pad>", eos_token="</s>"
    )
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(words),
        d_model=16,
        d_kv=8,
        d_ff=16,
        num_layers=1,
        num_heads=2,
        decoder_start_token_id=0,
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_nllb(folder: Path) -> Path:
    """An M2M-100 with NLLB's names of languages."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import M2M100Config, M2M100ForConditionalGeneration, PreTrainedTokenizerFast

    words = ["<s>", "<pad>", "</s>", "<unk>", "eng_Latn", "spa_Latn", "jpn_Jpan", "kor_Hang"]
    words += sorted({*" ".join(TEXTS).split()})
    inner = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>")
    )
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
    torch.manual_seed(0)
    config = M2M100Config(
        vocab_size=len(words),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
    )
    M2M100ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_seamless(folder: Path) -> Path:
    """SeamlessM4T v2's text to text of one layer, for English, Spanish and French."""
    from transformers import SeamlessM4Tv2Config, SeamlessM4Tv2ForTextToText
    from transformers.models.seamless_m4t import SeamlessM4TTokenizer

    names = ["<pad>", "<unk>", "<s>", "</s>", "▁", *sorted(set("".join(TEXTS)) - {" "})]
    vocabulary = {name: number for number, name in enumerate(names)}
    tokenizer = SeamlessM4TTokenizer(vocab=vocabulary, merges=[], src_lang="eng", tgt_lang="spa")
    tokens = ["__eng__", "__spa__", "__fra__"]
    tokenizer.add_special_tokens({"additional_special_tokens": tokens})
    torch.manual_seed(0)
    config = SeamlessM4Tv2Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
    )
    model = SeamlessM4Tv2ForTextToText(config)
    codes = {token.strip("_"): tokenizer.convert_tokens_to_ids(token) for token in tokens}
    model.generation_config.text_decoder_lang_to_code_id = codes
    model.generation_config._from_model_config = False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
