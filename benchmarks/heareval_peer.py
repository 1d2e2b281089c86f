"""heareval's own predictor on given embeddings; runs in heareval's environment, which lacks this package.

    PEER/bin/python benchmarks/heareval_peer.py EMBEDDINGS.npz OUT.npz WORK [--points 8] [--divisions K]
                    [--epochs 500] [--seed 42]

EMBEDDINGS.npz: x (N, D) float32, targets (N, C) bool, split (N,) names in order, task, a JSON text with
split_mode, splits, prediction_type and evaluation. WORK is an empty folder for heareval's files. OUT.npz:
rows (K,) of the judged items, scores (K, C) logits, seconds of all of it, and trainings, a JSON list with
hyperparameters, the best epoch, the epochs run and the seconds of each. `--points`, `--divisions` and
`--epochs` do less than the published protocol. Every seed has the published grid; what follows differs.

PEER: heareval 2021.1.3 and pytorch-lightning 1.9.5 without their dependencies, lightning-utilities,
torchmetrics, torch, scikit-learn, pandas, more-itertools, intervaltree, dcase-util, sed-eval, python-slugify,
torchinfo, nvidia-ml-py, setuptools<81.
"""

import argparse
import importlib.machinery
import json
import logging
import os
import pickle
import sys
import time
import types
import warnings
from pathlib import Path

import numpy as np

os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # its checkpoints hold classes
# heareval imports TensorFlow for the models of others alone.
sys.modules["tensorflow"] = types.ModuleType("tensorflow")
sys.modules["tensorflow"].__spec__ = importlib.machinery.ModuleSpec("tensorflow", None)
warnings.simplefilter("ignore")


def write_embeddings(data: dict[str, np.ndarray], task: dict, epochs: int, folder: Path) -> None:
    """The files that heareval's embedding stage leaves."""
    for split in task["splits"]:
        rows = np.flatnonzero(data["split"] == split)
        data["x"][rows].astype(np.float32).tofile(folder / f"{split}.embeddings.npy")
        shape = [len(rows), data["x"].shape[1]]
        (folder / f"{split}.embedding-dimensions.json").write_text(json.dumps(shape))
        labels = [np.flatnonzero(row).tolist() for row in data["targets"][rows]]
        (folder / f"{split}.target-labels.pkl").write_bytes(pickle.dumps(labels))
    classes = data["targets"].shape[1]
    rows = "".join(f"{number},{number}\n" for number in range(classes))
    (folder / "labelvocabulary.csv").write_text("idx,label\n" + rows)
    metadata = {"task_name": "task", "embedding_type": "scene", **task}
    metadata["evaluation_params"] = {"task_specific_param_grid": {"max_epochs": [epochs]}}
    (folder / "task_metadata.json").write_text(json.dumps(metadata))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("embeddings", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--points", type=int, default=8)
    parser.add_argument("--divisions", type=int)
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    import torch
    from heareval.predictions import task_predictions as kit

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    data = dict(np.load(arguments.embeddings))
    task = json.loads(str(data["task"]))
    folder, out = arguments.work.resolve(), arguments.out.resolve()
    write_embeddings(data, task, arguments.epochs, folder)
    os.chdir(folder)  # it logs beside itself
    trainings = watch(kit)
    shuffle, splits = kit.random.shuffle, kit.get_splits_from_metadata

    def shuffle_and_seed(points: list) -> None:
        shuffle(points)  # as after its own seed of 42: the published eight come first
        if arguments.seed != 42:
            torch.manual_seed(arguments.seed)

    kit.random.shuffle = shuffle_and_seed
    kit.get_splits_from_metadata = lambda metadata: splits(metadata)[: arguments.divisions]
    start = time.perf_counter()
    kit.task_predictions(
        embedding_path=folder,
        embedding_size=data["x"].shape[1],
        grid_points=arguments.points,
        gpus=None,
        in_memory=True,
        deterministic=True,
        grid="default",
        logger=logging.getLogger("heareval"),
    )
    seconds = time.perf_counter() - start
    rows, scores = [], []
    for split in task["splits"]:
        answers = folder / f"{split}.predictions.pkl"
        if answers.is_file():
            rows.append(np.flatnonzero(data["split"] == split))
            scores.append(pickle.loads(answers.read_bytes())["prediction_logit"].numpy())
    np.savez(
        out,
        rows=np.concatenate(rows),
        scores=np.concatenate(scores),
        seconds=seconds,
        trainings=json.dumps(trainings),
    )


def watch(kit: types.ModuleType) -> list[dict]:
    """What every training of the kit takes, in the order in which they are made."""
    trainings: list[dict] = []
    original = kit.task_predictions_train

    def timed(**arguments: object) -> object:
        start = time.perf_counter()
        found = original(**arguments)
        conf = arguments["conf"]
        trainings.append(
            {
                "hidden_layers": conf["hidden_layers"],
                "lr": conf["lr"],
                "initialization": conf["initialization"].__name__.rstrip("_"),
                "validation": found.validation_score,
                "epoch": found.epoch + 1,
                "epochs": found.trainer.fit_loop.epoch_progress.current.completed,
                "seconds": time.perf_counter() - start,
            }
        )
        return found

    kit.task_predictions_train = timed
    return trainings


if __name__ == "__main__":
    main()
