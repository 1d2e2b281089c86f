"""Files to tensors and back: what a film holds, its frames, its samples, its identity, and writing films.

The only room that touches a codec (through PyAV). All times are seconds from a film's first picture;
see `lssd.media.timeline`. FFmpeg's own messages stay silent; failures arrive as `lssd.errors`.
"""

from lssd.media.abilities import has_encoder
from lssd.media.encode import encode_picture, encode_sound
from lssd.media.framing import pick_frames, place_square
from lssd.media.identity import picture_hash, track_hash
from lssd.media.pictures import Frame, iterate_frames, iterate_windows, read_frames
from lssd.media.probe import FilmInfo, TrackInfo, VideoInfo, probe
from lssd.media.remux import add_tracks
from lssd.media.resampling import resample
from lssd.media.search import FILMS, NO_MEDIA, SOUNDS, find_files, find_films, find_media, is_text, spelled
from lssd.media.sound import iterate_sound, read_sound
from lssd.media.tracks import SPEECH, default_decides, original_track, spoken_language
from lssd.media.write import SoundTrack, write_film, write_sounds

__all__ = [
    "FILMS",
    "NO_MEDIA",
    "SOUNDS",
    "SPEECH",
    "FilmInfo",
    "Frame",
    "SoundTrack",
    "TrackInfo",
    "VideoInfo",
    "add_tracks",
    "default_decides",
    "encode_picture",
    "encode_sound",
    "find_files",
    "find_films",
    "find_media",
    "has_encoder",
    "is_text",
    "iterate_frames",
    "iterate_sound",
    "iterate_windows",
    "original_track",
    "pick_frames",
    "picture_hash",
    "place_square",
    "probe",
    "read_frames",
    "read_sound",
    "resample",
    "spelled",
    "spoken_language",
    "track_hash",
    "write_film",
    "write_sounds",
]
