"""A batch's terms against NumPy loops over their definitions."""

import math
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lssd.errors import InputError
from lssd.pretraining.losses import INSTANCE_LOSSES, Candidates
from lssd.pretraining.objective import Losses, Projections, batch_loss, nt_xent
from lssd.pretraining.recipe import ObjectiveRecipe


def dot(x: np.ndarray, y: np.ndarray, scale: float) -> float:
    return float(x @ y) * scale


def softplus(s: float) -> float:
    return max(s, 0.0) + math.log1p(math.exp(-abs(s)))


def literal_many(
    loss: str, x: np.ndarray, y: np.ndarray, present: np.ndarray, scale: float, groups: np.ndarray | None
) -> np.ndarray:
    """The losses of x_i and its sounds y_i1, y_i2, ..., read off their definitions; one value a clip."""
    losses = np.zeros(len(x))
    for i in range(len(x)):
        others = [j for j in range(len(x)) if j != i and (groups is None or groups[j] != groups[i])]
        mine = [m for m in range(y.shape[1]) if present[i, m]]
        for m in mine:
            positive = dot(x[i], y[i, m], scale)
            row = column = pairs = 0.0
            for j in others:
                sounds = [k for k in range(y.shape[1]) if present[j, k]]
                for k in sounds:
                    row += math.exp(dot(x[i], y[j, k], scale)) / len(sounds)
                    pairs += softplus(dot(x[i], y[j, k], scale) - 10.0) / len(sounds)
                column += math.exp(dot(x[j], y[i, m], scale))
            e = math.exp(positive)
            value = {
                "nt_xent": -math.log(e / (e + row + column)),
                "clip": -0.5 * (math.log(e / (e + row)) + math.log(e / (e + column))),
                "siglip": softplus(-(positive - 10.0)) + pairs,
            }[loss]
            losses[i] += value / len(mine)
    return losses


class Case:
    """A batch in NumPy and the same as `batch_loss` takes it."""

    def __init__(self, seed: int, batch: int, windows: int, sounds: int, size: int = 5) -> None:
        stream = np.random.RandomState(seed)
        rows = stream.randn(batch, windows + sounds, size)
        rows /= np.linalg.norm(rows, axis=2, keepdims=True)
        self.video, self.sound = rows[:, :windows], rows[:, windows:]
        self.present = stream.rand(batch, sounds) < 0.6
        self.present[:, :2] = True
        self.groups = stream.randint(0, max(batch // 2, 1), batch)
        self.scale = 8.0
        self.leaves = [
            torch.tensor(x, dtype=torch.float64, requires_grad=True)
            for x in (self.video, self.sound, self.scale)
        ]

    def loss(self, groups: int = 1, **dials: object) -> Losses:
        video, sound, scale = self.leaves
        projections = Projections(video if video.shape[1] else None, sound, scale)
        present, numbers = torch.from_numpy(self.present), torch.from_numpy(self.groups)
        return batch_loss(projections, present, numbers, ObjectiveRecipe(**dials), groups=groups)

    def literal(self, loss: str, mask: str = "none") -> dict[str, float | None]:
        """The terms by the paper's text, for two, one and no windows."""
        video, sound = self.video, self.sound
        windows, sounds = video.shape[1], sound.shape[1]

        def mean(x: np.ndarray, y: np.ndarray, present: np.ndarray) -> float:
            groups = None if mask == "none" else self.groups
            return float(literal_many(loss, x, y, present, self.scale, groups).mean())

        def secondary(x: np.ndarray) -> float:
            return mean(x, sound[:, 1:], self.present[:, 1:])

        def single(x: np.ndarray, y: np.ndarray) -> float:
            return mean(x, y[:, None], np.ones((len(x), 1), bool))

        cross = within = None
        if windows == 2:
            cross = 0.5 * (secondary(video[:, 0]) + single(video[:, 1], sound[:, 0]))
            within = single(video[:, 0], video[:, 1])
        elif windows == 1 and sounds > 1:
            cross = 0.5 * (single(video[:, 0], sound[:, 0]) + secondary(video[:, 0]))
        elif windows == 1:
            cross = single(video[:, 0], sound[:, 0])
        return {"cross": cross, "video": within, "audio": secondary(sound[:, 0]) if sounds > 1 else None}


LOSSES = ("nt_xent", "clip", "siglip")
# Of pictures' windows and sounds: the paper, the controlled study, sound alone, and several dubs at once.
SHAPES = ((2, 2), (1, 2), (1, 1), (0, 2), (2, 4), (1, 3), (0, 4))


class TestBatches:
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("mask", ["none", "near_duplicate"])
    @settings(max_examples=25, deadline=None)
    @given(st.integers(2, 7), st.sampled_from(SHAPES), st.integers(0, 10_000))
    def test_equals_the_equations(self, loss, mask, batch, shape, seed):
        case = Case(seed, batch, *shape)
        expected = case.literal(loss, mask)
        lambda_v, lambda_a = 0.3 * (shape[0] == 2), 0.7
        found = case.loss(loss=loss, mask=mask, lambda_v=lambda_v, lambda_a=lambda_a)
        for name, value in expected.items():
            ours = getattr(found, name)
            assert (ours is None) == (value is None)
            if value is not None:
                assert ours.item() == pytest.approx(value, rel=1e-9, abs=1e-9)
                assert not ours.requires_grad
        if shape[0] == 0:
            total = expected["audio"]
        else:
            total = (
                expected["cross"] + lambda_v * (expected["video"] or 0) + lambda_a * (expected["audio"] or 0)
            )
        assert found.total.item() == pytest.approx(total, rel=1e-9, abs=1e-9)

    def test_the_paper_s_terms_are_equation_1(self):
        case = Case(0, 6, 2, 2)
        losses = case.loss(temperature=0.5)
        v_p, v_s = torch.from_numpy(case.video).unbind(1)
        a_p, a_s = torch.from_numpy(case.sound).unbind(1)
        cross = 0.5 * (nt_xent(v_p, a_s, 1 / 8) + nt_xent(v_s, a_p, 1 / 8)).mean()
        torch.testing.assert_close(losses.cross, cross)
        torch.testing.assert_close(losses.video, nt_xent(v_p, v_s, 1 / 8).mean())
        torch.testing.assert_close(losses.audio, nt_xent(a_p, a_s, 1 / 8).mean())

    @pytest.mark.parametrize("loss", LOSSES)
    def test_copies_of_the_secondary_sound_change_nothing(self, loss):
        case, copied = Case(1, 6, 2, 2), Case(1, 6, 2, 2)
        copied.sound = np.concatenate([case.sound, case.sound[:, 1:], case.sound[:, 1:]], axis=1)
        copied.leaves[1] = torch.from_numpy(copied.sound)
        copied.present = np.ones((6, 4), bool)
        for few in (slice(0, 0), slice(0, 3)):
            copied.present[few, 2] = False  # a clip with fewer copies weighs as much
            for one, many in zip(case.loss(loss=loss), copied.loss(loss=loss), strict=True):
                torch.testing.assert_close(many, one)

    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize(("windows", "sounds"), [(2, 2), (2, 4), (0, 3)])
    def test_gradients_equal_finite_differences(self, loss, windows, sounds):
        case = Case(2, 4, windows, sounds, size=3)

        def total(*leaves: torch.Tensor) -> torch.Tensor:
            case.leaves = list(leaves)
            return case.loss(loss=loss, mask="clip", lambda_v=0.5 * (windows == 2), lambda_a=0.5).total

        assert torch.autograd.gradcheck(total, case.leaves)

    @pytest.mark.parametrize("loss", LOSSES)
    def test_absent_sounds_have_no_influence(self, loss):
        case = Case(3, 6, 2, 4)
        assert not case.present.all()
        before = case.loss(loss=loss, lambda_a=1.0)
        before.total.backward()
        gradient = case.leaves[1].grad
        assert (gradient[~torch.from_numpy(case.present)] == 0).all()
        assert (gradient[torch.from_numpy(case.present)] != 0).any(dim=1).all()
        changed = case.sound.copy()
        changed[~case.present] = 1e3
        case.leaves[1] = torch.from_numpy(changed)
        assert torch.equal(case.loss(loss=loss, lambda_a=1.0).total, before.total)

    @pytest.mark.parametrize("loss", LOSSES)
    def test_masked_pairs_have_no_influence(self, loss):
        def gradients(mask: str, sign: float) -> list[torch.Tensor]:
            """Those of clip 0 beside clip 1, which shows the same, as it is or pointing the other way."""
            case = Case(4, 2, 2, 3)
            case.groups[:] = 7
            with torch.no_grad():
                for leaf in case.leaves[:2]:
                    leaf[1] *= sign
            case.loss(loss=loss, mask=mask, lambda_v=1.0, lambda_a=1.0).total.backward()
            return [leaf.grad[0] for leaf in case.leaves[:2]]

        for before, after in zip(gradients("clip", 1.0), gradients("clip", -1.0), strict=True):
            assert torch.equal(before, after)
            # With nothing to contrast with a softmax is 1, while a sigmoid still pulls at the positive.
            assert (loss == "siglip") == bool((before != 0).any())
        for before, after in zip(gradients("none", 1.0), gradients("none", -1.0), strict=True):
            assert (before - after).abs().max() > 1e-3

    @pytest.mark.parametrize("loss", LOSSES)
    def test_a_clip_that_stands_in_a_batch_twice_is_no_negative_of_itself(self, loss):
        """By the switch, for batches from elsewhere: the sampler of the views draws no clip twice."""
        case = Case(13, 5, 2, 2)
        case.groups = np.array([0, 1, 2, 3, 1])
        # As after training: the views of a clip agree.
        case.video[:] = case.sound[:] = case.video[case.groups, :1]
        case.leaves[:2] = [torch.from_numpy(case.video), torch.from_numpy(case.sound)]
        masked, unmasked = case.loss(loss=loss, mask="clip"), case.loss(loss=loss, mask="none")
        assert masked.cross.item() == pytest.approx(case.literal(loss, "clip")["cross"], rel=1e-9)
        assert masked.total < unmasked.total - 0.04

    def test_the_clip_s_title_is_not_masked(self):
        case = Case(5, 6, 2, 2)
        case.groups = np.arange(6)
        assert torch.equal(case.loss(mask="near_duplicate").total, case.loss(mask="none").total)
        case.groups[3] = 2
        assert case.loss(mask="near_duplicate").total < case.loss(mask="none").total

    def test_a_clip_without_secondary_sound_adds_nothing_and_is_nobody_s(self):
        case, rest = Case(6, 5, 0, 3), Case(6, 5, 0, 3)
        case.present[4, 1:] = False
        found = case.loss()
        expected = literal_many(
            "nt_xent", case.sound[:, 0], case.sound[:, 1:], case.present[:, 1:], rest.scale, None
        )
        assert expected[4] == 0
        assert found.audio.item() == pytest.approx(expected.mean(), rel=1e-9)
        found.total.backward()
        assert all(leaf.grad.isfinite().all() for leaf in case.leaves[1:])

    @pytest.mark.parametrize("loss", LOSSES)
    def test_groups_are_contrasted_within_themselves(self, loss):
        case = Case(7, 12, 2, 3)
        dials = {"loss": loss, "gather": False, "lambda_v": 0.5, "mask": "near_duplicate"}
        found = case.loss(groups=3, **dials)
        alone = []
        for part in range(3):
            rows = slice(4 * part, 4 * part + 4)
            small = Case(7, 12, 2, 3)
            small.present, small.groups = case.present[rows], case.groups[rows]
            small.leaves = [case.leaves[0][rows], case.leaves[1][rows], case.leaves[2]]
            alone.append(small.loss(**dials))
        for ours, parts in zip(found, zip(*alone, strict=True), strict=True):
            torch.testing.assert_close(ours, torch.stack(parts).mean())
        assert abs(found.total - case.loss(groups=3, **{**dials, "gather": True}).total) > 0.01

    @pytest.mark.parametrize("gather", [True, False])
    def test_gradients_are_added_in_one_order(self, gather):
        """To the bit: another order of the same numbers would be another run from the same seed."""
        case = Case(14, 6, 2, 2)
        case.leaves = [leaf.detach().float().requires_grad_() for leaf in case.leaves]
        case.loss(gather=gather, lambda_v=1.0, lambda_a=1.0).total.backward()
        # The same terms with a leaf of its own for every use of a view: as this process's own or everyone's.
        views_BEZ = torch.cat([leaf.detach() for leaf in case.leaves[:2]], dim=1)
        uses: list[list[tuple[int, torch.Tensor]]] = []

        def mean(x: int, y: int) -> torch.Tensor:
            own_x, own_y, all_y = (views_BEZ[:, view].clone().requires_grad_() for view in (x, y, y))
            uses.append([(x, own_x), (y, own_y), (y, all_y)])
            present, same = torch.ones(6, 1, dtype=torch.bool), torch.eye(6, dtype=torch.bool)
            among = Candidates(own_x, all_y[:, None], present, same)
            return nt_xent(own_x, own_y, candidates=among, scale=case.leaves[2].detach()).mean()

        cross = torch.stack([mean(0, 3), mean(1, 2)]).mean()
        (cross + mean(0, 1) + mean(2, 3)).backward()

        def added(pairs: list[list[tuple[int, torch.Tensor]]]) -> torch.Tensor:
            """The sum over uses, from the last to the first."""
            total_BEZ = torch.zeros_like(views_BEZ)
            for view, use in reversed([use for pair in pairs for use in pair]):
                total_BEZ[:, view] += use.grad
            return total_BEZ

        found_BEZ = torch.cat([leaf.grad for leaf in case.leaves[:2]], dim=1)
        assert torch.equal(found_BEZ, added(uses))
        everyone_first = [[all_y, own_x, own_y] for own_x, own_y, all_y in uses]
        assert not torch.equal(found_BEZ, added(everyone_first))

    def test_each_weight_moves_its_own_modality(self):
        gradients = []
        for weights in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)):
            case = Case(8, 5, 2, 2)
            case.loss(lambda_v=weights[0], lambda_a=weights[1]).total.backward()
            gradients.append([leaf.grad for leaf in case.leaves[:2]])
        none, video, audio = gradients
        assert [not torch.equal(a, b) for a, b in zip(none, video, strict=True)] == [True, False]
        assert [not torch.equal(a, b) for a, b in zip(none, audio, strict=True)] == [False, True]

    @pytest.mark.parametrize(("lambda_v", "lambda_a"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)])
    def test_a_term_without_weight_keeps_nothing_for_a_gradient(self, lambda_v, lambda_a):
        tracked = []

        def watch(*views: torch.Tensor, **options: object) -> torch.Tensor:
            tracked.append(torch.is_grad_enabled())
            return torch.zeros(5)

        with patch.dict(INSTANCE_LOSSES, nt_xent=watch):
            Case(9, 5, 2, 2).loss(lambda_v=lambda_v, lambda_a=lambda_a)
        assert tracked == [True, True, lambda_v > 0, lambda_a > 0]

    def test_a_nan_within_a_modality_stays_out_at_weight_zero(self):
        # Cross pairs (v_p, a_s) and (v_s, a_p) finite, v_p . v_s infinite minus infinite.
        case = Case(9, 2, 2, 2, size=2)
        video = torch.zeros(2, 2, 2)
        video[0] = torch.tensor([[1e30, -1e30], [1e30, 1e30]])
        sound = torch.zeros(2, 2, 2)
        case.leaves = [video.requires_grad_(), sound.requires_grad_(), torch.tensor(14.0)]
        losses = case.loss()
        assert not losses.video.isfinite()
        losses.total.backward()
        assert losses.total.isfinite()
        assert all(leaf.grad.isfinite().all() for leaf in (video, sound))

    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("scale", [1.0, 100.0])
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_is_left_before_any_exponent(self, loss, scale, dtype):
        case = Case(10, 8, 2, 3)
        half = [leaf.detach().to(dtype).requires_grad_() for leaf in case.leaves[:2]]
        full = [leaf.detach().float().requires_grad_() for leaf in half]
        results = []
        for leaves in (half, full):
            case.leaves = [*leaves, torch.tensor(scale, requires_grad=True)]
            with torch.autocast("cpu", torch.bfloat16, enabled=leaves is half):
                losses = case.loss(loss=loss, lambda_v=1.0, lambda_a=1.0)
            losses.total.backward()
            results.append((losses, case.leaves[2].grad))
        assert results[0][0].total.dtype == torch.float32
        assert all(torch.equal(a, b) for a, b in zip(results[0][0], results[1][0], strict=True))
        torch.testing.assert_close(results[0][1], results[1][1])
        assert all(leaf.grad.isfinite().all() for leaf in half)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"present": np.ones((4, 3), bool)}, r"presence \(4, 3\)"),
            ({"groups": np.arange(3)}, r"duplicates \(3,\)"),
            ({"leaves": [torch.ones(4, 2, 5), torch.ones(3, 2, 5), torch.ones(())]}, "differ"),
            ({"leaves": [torch.ones(4, 2, 6), torch.ones(4, 2, 5), torch.ones(())]}, "differ"),
            ({"leaves": [torch.ones(4, 3, 5), torch.ones(4, 2, 5), torch.ones(())]}, "3 windows"),
        ],
    )
    def test_what_does_not_fit_together_is_named(self, change, message):
        case = Case(11, 4, 2, 2)
        for name, value in change.items():
            setattr(case, name, value)
        with pytest.raises(InputError, match=message):
            case.loss()

    def test_too_few_are_named(self):
        with pytest.raises(InputError, match="at least 2"):
            Case(12, 1, 2, 2).loss()
        with pytest.raises(InputError, match="at least 2, not 1"):
            Case(12, 4, 2, 2).loss(groups=4, gather=False)
        with pytest.raises(InputError, match="3 equal groups"):
            Case(12, 4, 2, 2).loss(groups=3)
        for shape in ((2, 1), (0, 1)):
            case = Case(12, 4, *shape)
            with pytest.raises(InputError, match="1 sounds"):
                case.loss()
