"""What this installation's FFmpeg can do."""

import av


def has_encoder(name: str) -> bool:
    """Whether FFmpeg, as PyAV carries it, has an encoder of this name (libx264, aac, flac, libopus)."""
    try:
        av.codec.Codec(name, "w")
    except ValueError:  # PyAV's unknown codec is a ValueError
        return False
    return True
