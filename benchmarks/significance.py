"""Would other test rows and other seeds give another order? Paired bootstrap tests of what adult.py saved.

    python -m benchmarks.significance --results benchmarks/adult.json --json benchmarks/significance.json [--models …]

The file holds, for each pair 'BETTER > WORSE' and each score, the 'difference' of the means over the seeds, the ends
'low' and 'high' of its 95 % interval, and the two-sided p-value 'p'. With --models, only their pairs are tested, and
the file's others stay as they are.
"""

import argparse
import json
import pathlib

from benchmarks.adult import labels, result, saved
from benchmarks.results import write
from recommender.datasets import adult

import numpy as np

DRAWS = 2000
SCORES = ["auc", "accuracy", "log_loss"]


def row_counts(n_rows, draws, random):
    """How often each draw of n_rows rows with replacement takes each row: ints (draws, rows)."""
    return np.stack([np.bincount(random.integers(0, n_rows, n_rows), minlength=n_rows) for _ in range(draws)])


def drawn_auc(truth, probabilities, counts):
    """The area under the ROC curve of each draw, floats (draws,); tied probabilities count one half."""
    order = np.argsort(probabilities)
    ends = np.flatnonzero(np.diff(probabilities[order], append=2))  # the last row of each run of equal ones
    truth, areas = truth[order], []
    for count in counts:
        drawn = count[order]
        positive, negative = (np.cumsum(drawn * one)[ends] for one in (truth, 1 - truth))
        below = (negative + np.append(0, negative[:-1])) / 2
        areas.append((np.diff(positive, prepend=0) * below).sum() / (positive[-1] * negative[-1]))
    return np.array(areas)


def drawn_scores(truth, probabilities, counts):
    """The scores of each draw of rows and each seed, of probabilities (seeds, rows): dict score → (draws, seeds)."""
    certain = np.clip(probabilities, 1e-15, 1 - 1e-15)
    losses = -np.where(truth == 1, np.log(certain), np.log(1 - certain))
    right = (probabilities >= 0.5) == truth
    return {
        "auc": np.stack([drawn_auc(truth, p, counts) for p in probabilities], axis=1),
        "accuracy": counts @ right.T / len(truth),
        "log_loss": counts @ losses.T / len(truth),
    }


def paired_test(one, other, random):
    """Compare two models' scores (draws, seeds), whose draws are of the same rows.

    Each draw of rows gets a draw of seeds for each of the models. p is twice the share of draws in which the sign of
    the difference is not that of most draws; with the usual 1 added to both numbers it is never 0.
    """
    draws = len(one)

    def mean(scores):
        return np.take_along_axis(scores, random.integers(0, scores.shape[1], scores.shape), axis=1).mean(axis=1)

    differences = mean(one) - mean(other)
    low, high = np.quantile(differences, [0.025, 0.975])
    against = min((differences <= 0).sum(), (differences >= 0).sum())
    return {"low": low, "high": high, "p": min(1, 2 * (against + 1) / (draws + 1))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=pathlib.Path, required=True, help="the file that adult.py wrote")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--models", help="the models to compare with wide_deep, with commas between them; default: all")
    arguments = parser.parse_args()

    results = json.loads(arguments.results.read_text())
    pairs = [("deep", "wide"), *(("wide_deep", name) for name in results if name != "wide_deep")]
    wanted = [pair for pair in pairs if arguments.models is None or pair[1] in arguments.models.split(",")]
    truth = labels(adult.load_adult()[1])
    random = np.random.default_rng(0)
    counts = row_counts(len(truth), DRAWS, random)
    drawn = {}
    for name in {name for pair in wanted for name in pair}:
        run = results[name]
        probabilities = saved(name, len(run["auc"]))
        if result(truth, probabilities, [])["auc"] != run["auc"]:
            raise SystemExit(
                f"{name}: build/benchmarks has other probabilities than {arguments.results}; train it again."
            )
        drawn[name] = drawn_scores(truth, probabilities, counts)
    tests = json.loads(arguments.json.read_text()) if arguments.models else {}
    for better, worse in wanted:
        tests[f"{better} > {worse}"] = {
            score: {
                "difference": round(np.mean(results[better][score]) - np.mean(results[worse][score]), 6),
                **{
                    key: round(value, 6)
                    for key, value in paired_test(drawn[better][score], drawn[worse][score], random).items()
                },
            }
            for score in SCORES
        }
    tests = {pair: tests[pair] for pair in map(" > ".join, pairs) if pair in tests}
    write(arguments.json, tests)


if __name__ == "__main__":
    main()
