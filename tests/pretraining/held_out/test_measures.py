"""Measures of planted embeddings, beside literal loops and scikit-learn."""

import numpy as np
import pytest
from scipy import stats
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from lssd.pretraining.held_out.measures import (
    COLLAPSED_BELOW,
    ClipEmbeddings,
    ClipFacts,
    accuracy_across_titles,
    effective_rank,
    spread,
    summarise,
)

N, Z, D = 24, 12, 10
SETTINGS = {"temperature": 0.07, "neighbours": 5}


def unit(x: np.ndarray) -> np.ndarray:
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


def planted(noise: float = 1.0, seed: int = 0, dubs: int = 2, pictures: bool = True) -> list[ClipEmbeddings]:
    """Clips around directions of their own: all of a clip's vectors are its direction plus noise."""
    rng = np.random.default_rng(seed)
    clips = []
    for position in range(N):
        own = rng.standard_normal(Z)
        z_sounds = unit(own + noise * rng.standard_normal((1 + dubs, Z)))
        z_pictures = unit(own + noise * rng.standard_normal((3, Z)))
        clips.append(
            ClipEmbeddings(
                position,
                rng.standard_normal((1 + dubs, D)).astype(np.float32),
                z_sounds,
                rng.standard_normal(D).astype(np.float32) if pictures else None,
                z_pictures if pictures else None,
            )
        )
    return clips


def facts(dubs: int = 2, **labels: str) -> list[ClipFacts]:
    languages = ["en", "de", "fr"][: 1 + dubs]
    return [ClipFacts(f"t{position % 4}", languages, labels=labels) for position in range(N)]


def literal_recall(queries: np.ndarray, answers: np.ndarray, k: int) -> float:
    hits = 0
    for number, query in enumerate(queries):
        order = sorted(range(len(answers)), key=lambda i: -float(query @ answers[i]))
        hits += number in order[:k]
    return hits / len(queries)


def literal_loss(x: np.ndarray, y: np.ndarray, temperature: float) -> float:
    """Eq. 1, pair by pair."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    losses = []
    for i in range(len(x)):
        own = np.exp(x[i] @ y[i] / temperature)
        rows = sum(np.exp(x[i] @ y[j] / temperature) for j in range(len(x)) if j != i)
        columns = sum(np.exp(x[j] @ y[i] / temperature) for j in range(len(x)) if j != i)
        losses.append(-np.log(own / (own + rows + columns)))
    return float(np.mean(losses))


def test_retrieval_and_losses_are_those_of_literal_loops() -> None:
    clips = planted()
    values = summarise(clips, facts(), **SETTINGS)
    z_a = np.stack([clip.z_sounds_MZ[0] for clip in clips])
    z_d = np.stack([clip.z_sounds_MZ[1 + clip.position % 2] for clip in clips])  # languages in turn
    first, z_v, last = (np.stack([clip.z_pictures_3Z[i] for clip in clips]) for i in range(3))
    for k in (1, 5, 10):
        assert values[f"video_to_audio@{k}"] == pytest.approx(literal_recall(z_v, z_a, k))
        assert values[f"audio_to_video@{k}"] == pytest.approx(literal_recall(z_a, z_v, k))
        both = (values[f"video_to_audio@{k}"] + values[f"audio_to_video@{k}"]) / 2
        assert values[f"recall@{k}"] == pytest.approx(both)
        assert values[f"audio_to_dub@{k}"] == pytest.approx(literal_recall(z_a, z_d, k))
        assert values[f"chance@{k}"] == values[f"dub_chance@{k}"] == pytest.approx(k / N)
    assert 0.1 < values["recall@1"] < 0.95, "neither trivial nor hopeless"
    assert values["cross_loss"] == pytest.approx(literal_loss(z_v, z_a, 0.07), rel=1e-4)
    assert values["sound_loss"] == pytest.approx(literal_loss(z_a, z_d, 0.07), rel=1e-4)
    assert values["picture_loss"] == pytest.approx(literal_loss(first, last, 0.07), rel=1e-4)
    assert values["alignment"] == pytest.approx(float(np.square(z_v - z_a).sum(1).mean()), rel=1e-5)
    assert values["dub_alignment"] == pytest.approx(float(np.square(z_a - z_d).sum(1).mean()), rel=1e-5)
    assert (values["clips"], values["dubbed_clips"], values["collapsed"]) == (N, N, 0.0)


def test_spread_and_rank_are_what_they_say() -> None:
    z = unit(np.random.default_rng(1).standard_normal((9, 5)))
    cosines = [float(z[i] @ z[j]) for i in range(9) for j in range(9) if i != j]
    assert spread(z) == pytest.approx(1 - np.mean(cosines), abs=1e-6)
    assert spread(np.ones((4, 3))) == pytest.approx(0, abs=1e-12)
    assert effective_rank(np.eye(7)) == pytest.approx(7)
    assert effective_rank(np.ones((6, 4))) == pytest.approx(1)
    values = np.array([4.0, 2.0, 1.0, 1.0])
    assert effective_rank(np.diag(values)) == pytest.approx(np.exp(stats.entropy(values / values.sum())))


@pytest.mark.parametrize("modality", ["sound", "picture", "both"])
def test_a_planted_collapse_is_seen_and_random_embeddings_are_none(modality: str) -> None:
    """Half and twice the threshold: noise of size e around one direction spreads by e^2."""
    rng = np.random.default_rng(2)
    one = unit(rng.standard_normal(512))

    def around(size: float, count: int) -> np.ndarray:
        noise = rng.standard_normal((count, 512))
        noise -= (noise @ one)[:, None] * one
        return unit(one + np.sqrt(size) * unit(noise))

    def clips(size: float) -> list[ClipEmbeddings]:
        found = []
        for position in range(64):
            sound = around(size if modality != "picture" else 1.0, 1)
            picture = around(size if modality != "sound" else 1.0, 3)
            found.append(ClipEmbeddings(position, np.ones((1, D)), sound, np.ones(D), picture))
        return found

    known = [ClipFacts("t", ["en"])] * 64
    near, far = (summarise(clips(f * COLLAPSED_BELOW), known, **SETTINGS) for f in (0.5, 2))
    assert (near["collapsed"], far["collapsed"]) == (1.0, 0.0)
    if modality == "both":
        assert near["spread_sound"] == pytest.approx(0.5 * COLLAPSED_BELOW, rel=0.1)
        assert near["recall@1"] < 0.2 and near["rank_sound"] < 3
        assert near["cross_loss"] == pytest.approx(np.log(2 * 64 - 1), rel=0.01)
    for seed in range(3):
        random = [
            ClipEmbeddings(i, np.ones((1, D)), unit(z[:1]), np.ones(D), unit(z[1:]))
            for i, z in enumerate(np.random.default_rng(seed).standard_normal((64, 4, 128)))
        ]
        values = summarise(random, known, **SETTINGS)
        assert values["collapsed"] == 0.0
        assert values["spread_sound"] == pytest.approx(1, abs=0.05) and values["rank_sound"] > 40


def test_neighbours_of_other_titles_vote_as_in_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    labels = rng.choice(["en", "de", "ja"], 90)
    centres = {name: rng.standard_normal(D) for name in ("en", "de", "ja")}
    x = np.stack([centres[name] + 2 * rng.standard_normal(D) for name in labels])
    titles = [f"t{number}" for number in rng.integers(0, 6, 90)]
    model = KNeighborsClassifier(5, metric="cosine", algorithm="brute", weights=lambda d: np.exp(-d / 0.07))
    predicted = cross_val_predict(model, x, labels, groups=titles, cv=LeaveOneGroupOut())
    found = accuracy_across_titles(x, list(labels), titles, 5)
    assert found[""] == pytest.approx((predicted == labels).mean())
    assert 0.4 < found[""] < 0.95
    assert found["_chance"] == pytest.approx(1 / 3)
    assert found["_majority"] == pytest.approx(max((labels == name).mean() for name in centres))


def test_a_title_cannot_vote_for_itself() -> None:
    """Each title has a place of its own and one label: only its own clips could tell it."""
    rng = np.random.default_rng(4)
    places = rng.standard_normal((8, D)) * 10
    x = np.repeat(places, 6, axis=0) + 0.01 * rng.standard_normal((48, D))
    titles = [f"t{number // 6}" for number in range(48)]
    labels = ["day" if number // 6 % 2 else "night" for number in range(48)]
    found = accuracy_across_titles(x, labels, titles, 3)
    by_title = [found[""] * 8]  # all clips of a title fall together
    assert by_title[0] == pytest.approx(round(by_title[0]))
    everyone = KNeighborsClassifier(3, metric="cosine").fit(x, labels).score(x, labels)
    assert everyone == 1.0 and found[""] < 0.9


def test_planted_languages_and_scenes_are_found() -> None:
    rng = np.random.default_rng(5)
    axes = {"en": 0, "de": 1, "fr": 2}
    clips, known = [], []
    for position in range(N):
        scene = "sea" if position % 3 == 0 else "forest"
        sounds = 0.1 * rng.standard_normal((3, D))
        for number, language in enumerate(axes):
            sounds[number, axes[language]] += 5.0
        picture = 0.1 * rng.standard_normal(D)
        picture[5 if scene == "sea" else 6] += 5.0
        z = unit(rng.standard_normal((3, Z)))
        clips.append(ClipEmbeddings(position, sounds, z, picture, z))
        labels = {"scene": scene, "shelf": f"t{position % 4}", "same": "x"} | (
            {"rare": "y"} if position == 0 else {}
        )
        known.append(ClipFacts(f"t{position % 4}", list(axes), labels=labels))
    values = summarise(clips, known, **SETTINGS)
    assert values["knn_language"] == 1.0 and values["knn_language_chance"] == pytest.approx(1 / 3)
    assert values["knn_scene_picture"] == 1.0
    assert values["knn_scene_sound"] <= 0.8, "the sound says nothing of the scene"
    assert values["knn_scene_chance"] == 0.5 and values["knn_scene_majority"] == pytest.approx(2 / 3)
    # Labels of one class, or that never occur in two titles, cannot be told across titles.
    assert not [name for name in values if name.startswith(("knn_same", "knn_shelf", "knn_rare"))]


def test_what_knowing_every_label_alone_would_give() -> None:
    """Expected recall@1 of a ranking that puts the clips of a label first, in an order drawn at random."""
    rng = np.random.default_rng(6)
    scenes = rng.choice(["sea", "forest", "street"], N, p=[0.6, 0.3, 0.1])
    known = [
        ClipFacts(f"t{position % 4}", ["en", "de", "fr"], labels={"scene": scene, "same": "x"})
        for position, scene in enumerate(scenes)
    ]
    values = summarise(planted(), known, **SETTINGS)
    draws = []
    for _ in range(4000):
        luck = rng.random((N, N))
        ranked = np.where(scenes[:, None] == scenes[None], luck, -1.0)
        draws.append((ranked.argmax(axis=1) == np.arange(N)).mean())
    error = np.std(draws) / np.sqrt(len(draws))
    assert values["recall@1_knowing_scene"] == pytest.approx(np.mean(draws), abs=4 * error)
    assert values["recall@1_knowing_scene"] == pytest.approx(len(set(scenes)) / N)
    assert values["recall@1_knowing_same"] == values["chance@1"]
    # A label that one clip lacks could not be known of all; without pictures there is no recall@1.
    known[3] = ClipFacts("t3", ["en", "de", "fr"], labels={"same": "x"})
    assert "recall@1_knowing_scene" not in summarise(planted(), known, **SETTINGS)
    blind = summarise(planted(pictures=False), known, **SETTINGS)
    assert not [name for name in blind if "knowing" in name]


def test_what_a_corpus_lacks_is_left_out() -> None:
    bare = summarise(planted(dubs=0, pictures=False), facts(dubs=0), **SETTINGS)
    assert set(bare) == {"clips", "uniformity_sound", "rank_sound", "spread_sound", "collapsed"}
    heard = summarise(planted(pictures=False), facts(), **SETTINGS)
    assert heard["audio_to_dub@1"] > 0.1 and "sound_loss" in heard and "knn_language" in heard
    assert not [name for name in heard if "picture" in name or "video" in name or name.startswith("recall")]
    known = [ClipFacts(fact.title_id, fact.languages, two_windows=False) for fact in facts()]
    assert "picture_loss" not in summarise(planted(), known, **SETTINGS)
    one = summarise(planted()[:1], facts()[:1], **SETTINGS)
    assert (one["recall@1"], one["chance@1"], one["audio_to_dub@1"]) == (1.0, 1.0, 1.0)
    assert "cross_loss" not in one and "collapsed" not in one
    assert summarise([], [], **SETTINGS) == {"clips": 0}


def test_tracks_without_a_language_take_no_part() -> None:
    known = [ClipFacts(f"t{i % 4}", ["en", None, "fr"]) for i in range(N)]
    assert summarise(planted(), known, **SETTINGS)["knn_language_chance"] == 0.5
    known = [ClipFacts(f"t{i % 4}", [None, None, None]) for i in range(N)]
    assert "knn_language" not in summarise(planted(), known, **SETTINGS)
