"""The tiny model and the sounds that evaluation is tested with too."""

from tests.evaluation.conftest import calls, model, new_model, one_thread, tones

__all__ = ["calls", "model", "new_model", "one_thread", "tones"]
