"""An export and a saved training that an earlier version wrote still load, and give the scores that they gave then."""

import json
import pathlib
import shutil

import wdl_helpers as wdl
from recommender import lifecycle, serving

import keras
import numpy as np
import pandas as pd
import pytest

OLD = pathlib.Path(__file__).resolve().parent / "old"


@pytest.fixture(scope="module")
def expected():
    """Rows with values such as 'R&B' and 'x &y', and the scores that each model gave them."""
    return json.loads((OLD / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["vocabulary", "hashed"])
def old(request, tmp_path_factory):
    """The kind of the wide part, and a folder with its 'export' and its 'training'."""
    folder = tmp_path_factory.mktemp(request.param)
    shutil.unpack_archive(OLD / f"{request.param}.zip", folder)
    return request.param, folder


def test_an_old_export_gives_the_scores_that_it_gave(old, expected):
    kind, folder = old
    scores = serving.scorer(folder / "export")(expected["rows"])
    assert np.std(scores) > 0.1
    np.testing.assert_allclose(scores, expected["scores"][kind], atol=1e-6)


def test_an_old_training_gives_the_scores_that_it_gave_and_trains_on(old, expected):
    kind, folder = old
    rows = pd.DataFrame(expected["rows"])
    if kind == "hashed":
        with pytest.warns(UserWarning, match="values with ' &' have other buckets now"):
            model, wide, deep = lifecycle.load_training(folder / "training")
        texts = rows["genre"] + rows["tags"].map(" ".join)
        same = ~texts.str.contains(" &", regex=False)  # what the warning is not about
    else:
        model, wide, deep = lifecycle.load_training(folder / "training")
        same = np.full(len(rows), True)
    inputs = wdl.joint_inputs(rows, wide, deep)
    scores = wdl.predict(model, inputs)
    assert same.sum() >= 5
    np.testing.assert_allclose(scores[same], np.array(expected["scores"][kind])[same], atol=1e-6)
    keras.utils.set_random_seed(0)
    history = wdl.train(model, inputs, np.arange(14) % 2, epochs=20)
    assert history["loss"][-1] < history["loss"][0]
