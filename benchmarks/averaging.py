"""Is an ensemble ahead because its members are trained apart, or because two models are averaged?

    python benchmarks/averaging.py --seeds 10 --json benchmarks/averaging.json

Held-out training rows are scored, a fifth of them, another fifth for each seed; the test rows are not looked at. The
file holds 'auc', 'accuracy' and 'log_loss', one entry a seed, of the joint model ('wide_deep'), of the average of a
wide and a deep model ('ensemble'), and of the average of two joint models with other seeds ('two_wide_deep').
"""

import argparse
import json
import pathlib

import wdl_helpers as wdl
import wdl_adult
from sklearn.model_selection import train_test_split

from adult import labels, neural, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="how many; they are 0, 1, 2, …")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()

    wdl.reproducible()
    rows, _ = wdl_adult.load_adult()
    results = {}
    for seed in range(arguments.seeds):
        train, held_out = train_test_split(rows, test_size=0.2, random_state=seed, stratify=labels(rows))
        models = neural(train, held_out)
        said = {name: models[name](seed)[0] for name in ("wide_deep", "ensemble")}
        said["two_wide_deep"] = (said["wide_deep"] + models["wide_deep"](seed + 1000)[0]) / 2
        for name, probabilities in said.items():
            entry = result(labels(held_out), [probabilities], [])
            for score in ("auc", "accuracy", "log_loss"):
                results.setdefault(name, {}).setdefault(score, []).extend(entry[score])
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
        print(f"seed {seed} done", flush=True)


if __name__ == "__main__":
    main()
