"""The untrained twin of a model: what its architecture scores before it has learnt anything."""

from lssd.models import Model, build_model


def untrained_twin(model: Model, seed: int = 0) -> Model:
    """The same architecture and preprocessing with freshly drawn weights.

    The stems keep the trained model's statistics of pictures and spectrograms: without them the twin
    would see inputs on a scale no network is made for, and the bar would be too low.
    """
    twin = build_model(model.config["audio"], model.config["video"], seed)
    for mine, trained in ((twin.audio, model.audio), (twin.video, model.video)):
        if mine is not None and trained is not None:
            mine.front.load_state_dict(trained.front.state_dict())
    return twin.eval()
