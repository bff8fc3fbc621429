"""Train the census model for one epoch and export it, so that there is something to serve: `make serve`.

python -m tools.small_export FOLDER    writes FOLDER/1, unless that is there
"""

import argparse
import pathlib
import sys

import wdl_helpers as wdl
from recommender.datasets import adult
from recommender.serving import export


def main() -> None:
    """Write the export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    target = parser.parse_args().folder / "1"
    if target.exists():
        sys.exit(0)
    print("Training a small model of the census, which takes some twenty seconds …", flush=True)
    wdl.reproducible()
    train, _ = adult.load_adult()
    wide, deep = adult.wide_features(train), adult.deep_features(train)
    model = adult.build_model("wide_deep", wide, deep)
    labels = (train["income"] == ">50K").to_numpy(int)
    settings = adult.training("wide_deep", len(train)) | {"epochs": 1}
    wdl.train(model, wdl.joint_inputs(train, wide, deep), labels, **settings)
    export(model, wide, deep, train[:200], target)


if __name__ == "__main__":
    main()
