"""How near a dubbed line comes to the speaker it replaces: as spoken, and converted by WORLD.

    OMP_NUM_THREADS=1 [PYTHONPATH=PEERS] python benchmarks/voice_conversion.py [--prompts FOLDER]

The offline preset's own way: a speaker's lines are the reference; lines in another language are spoken by
the espeak-ng voice nearest in pitch, then converted. Speakers: eight voices of the film set, who speak
English; and with --prompts real ones, a folder of <language>/*.opus with one speaker a language. Per way the
mean over lines: the error of the median pitch in cents (YIN, not WORLD's); the distance of long-term mel
spectra in dB (librosa, 24 bands, 100 Hz to 8 kHz); cosine to the reference by Resemblyzer where PEERS has it
(`pip install --target PEERS --no-deps resemblyzer webrtcvad-wheels`); and speed. The last row is the limit:
other lines of the same speaker, in his own language.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import torch

from lssd.dubbing.conversion import World
from lssd.dubbing.lines import VoiceChoice
from lssd.dubbing.speaking import Espeak, median_pitch
from lssd.media import read_sound, resample
from lssd.speech import Synthesiser, voices

RATE = 48_000
OWN = (
    "I told you we should have left before the rain started.",
    "Nobody knows where the old man has gone since then.",
    "If you hurry a little, we may still catch the last train home.",
)
OTHER = (
    "Everything was quiet until somebody opened the window upstairs.",
    "You never listen to what other people are telling you.",
)
LINES = {
    "es": ("Te dije que teníamos que salir antes de la lluvia.", "Mañana vamos todos juntos a la playa."),
    "fr": ("Je te l'avais dit, il fallait partir avant la pluie.", "Demain nous irons tous à la plage."),
}
FILM_VOICES = (
    "m1-low",
    "Alex-middle",
    "robert-high",
    "m8-middle",
    "f1-low",
    "anika-middle",
    "linda-high",
    "steph-low",
)


def film_speakers() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name -> (reference, other lines), samples (S,)."""
    with Synthesiser() as synthesiser:

        def say(texts: tuple[str, ...], voice: object) -> np.ndarray:
            parts = [synthesiser.speak(text, "en", voice) for text in texts]
            return resample(np.concatenate(parts)[None], synthesiser.sample_rate, RATE)[0]

        known = {voice.name[3:]: voice for voice in voices("en")}
        return {
            name: (say(OWN, known[name]), say(OTHER, known[name])) for name in FILM_VOICES if name in known
        }


def real_speakers(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The longest twelve recordings of each language's speaker: every second one is the reference."""
    speakers = {}
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        paths = sorted(place.glob("*.opus"), key=lambda path: (-path.stat().st_size, path.name))[:12]
        sounds = [read_sound(path, channels=1)[0] for path in paths]
        speakers[place.name] = np.concatenate(sounds[::2]), np.concatenate(sounds[1::2])
    return speakers


def timbre(samples_S: np.ndarray) -> np.ndarray:
    mel = librosa.feature.melspectrogram(y=samples_S, sr=RATE, n_fft=2048, n_mels=24, fmin=100, fmax=8000)
    level = mel.sum(axis=0)
    band_db = 10 * np.log10(mel[:, level > level.max() / 1000].mean(axis=1) + 1e-12)
    return band_db - band_db.mean()


def embedder() -> Callable[[np.ndarray], np.ndarray] | None:
    try:
        from resemblyzer import VoiceEncoder
    except ImportError:
        return None
    encoder = VoiceEncoder("cpu", verbose=False)
    return lambda samples_S: encoder.embed_utterance(resample(samples_S[None], RATE, 16_000)[0])


def table(name: str, speakers: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Measure all ways over all speakers and print the means."""
    espeak, world, embed = Espeak(), World(), embedder()
    rows: dict[str, list[tuple[float, float, float]]] = {"as spoken": [], "world": [], "limit": []}
    seconds, used = 0.0, 0.0

    def judge(way: str, samples_S: np.ndarray, reference_S: np.ndarray, pitch_hz: float) -> None:
        found = median_pitch(samples_S, RATE)
        cents = abs(1200 * np.log2(found / pitch_hz)) if found else np.nan
        away = float(np.sqrt(np.mean((timbre(samples_S) - timbre(reference_S)) ** 2)))
        cosine = float(embed(samples_S) @ embed(reference_S)) if embed else np.nan
        rows[way].append((cents, away, cosine))

    for key, (reference_S, other_S) in speakers.items():
        pitch_hz = median_pitch(reference_S, RATE)
        assert pitch_hz is not None
        known = world.reference(reference_S, RATE)
        judge("limit", other_S, reference_S, pitch_hz)
        for language, texts in LINES.items():
            if language == key:
                continue
            for text in texts:
                spoken_S, rate = espeak.speak(text, language, VoiceChoice(pitch_hz, key), 0)
                line_S = resample(spoken_S[None], rate, RATE)[0]
                begun = time.thread_time()
                converted_S = world.convert(line_S, RATE, known)
                used += time.thread_time() - begun
                seconds += len(line_S) / RATE
                judge("as spoken", line_S, reference_S, pitch_hz)
                judge("world", converted_S, reference_S, pitch_hz)
    espeak.close()
    for way, values in rows.items():
        cents, away, cosine = np.nanmean(np.array(values), axis=0)
        speed = f"{seconds / used:.1f}" if way == "world" else ""
        print(
            f"| {name} | {way} | {len(values)} | {cents:.0f} | {away:.1f} | {cosine:.3f} | {speed} |",
            flush=True,
        )


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--prompts", type=Path, help="real speakers: a folder of <language>/*.opus")
    options = parser.parse_args()
    print("| speakers | line | n | pitch, cents | timbre, dB | cosine | x real time |\n|" + "---|" * 7)
    table("film set", film_speakers())
    if options.prompts:
        table("real", real_speakers(options.prompts))


if __name__ == "__main__":
    main()
