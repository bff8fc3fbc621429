"""The data sets as they were published, rows that are made of them, and the recipes."""

import inspect
import pathlib
import shutil

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from recommender.datasets import adult, planted, recipes, visits
from recommender.datasets import store as app_store

import keras
import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def census():
    return adult.load_adult()


@pytest.fixture
def folder(tmp_path):
    for name in adult.SHA256:
        shutil.copyfile(adult.DATA / name, tmp_path / name)
    return tmp_path


def test_adult_comes_in_its_official_split(census):
    train, test = census
    assert train.shape == (32561, 15) and test.shape == (16281, 15)
    assert (train.income == ">50K").sum() == 7841 and (test.income == ">50K").sum() == 3846
    assert set(train.income) == set(test.income) == {"<=50K", ">50K"}
    assert list(train.columns) == list(test.columns)


def test_missing_values_of_adult_stay_question_marks(census):
    for frame in census:
        assert not frame.isna().any().any()
        assert sorted(frame.columns[(frame == "?").any()]) == ["native-country", "occupation", "workclass"]


def test_adult_has_numbers_in_six_columns_and_strings_in_nine(census):
    numbers = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
    for frame in census:
        assert list(frame.select_dtypes("number").columns) == numbers
        assert not any(value != value.strip() for column in frame.select_dtypes("str") for value in set(frame[column]))


def test_load_adult_takes_a_folder_as_string_or_path(folder, census):
    for given in (str(folder), folder):
        assert adult.load_adult(given)[1].equals(census[1])


@pytest.mark.parametrize("name", ["adult_train.csv", "adult_test.csv"])
def test_a_missing_data_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}.*No such file.*git checkout data"):
        adult.load_adult(folder)


def test_a_folder_in_place_of_a_data_file_is_named(folder):
    (folder / "adult_test.csv").unlink()
    (folder / "adult_test.csv").mkdir()
    with pytest.raises(FileNotFoundError, match="adult_test.csv .it is a folder.*git checkout data"):
        adult.load_adult(folder)


def test_a_data_file_that_may_not_be_read_is_not_said_to_be_missing(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(pathlib.Path, "read_bytes", refuse)  # chmod would not stop root
    with pytest.raises(PermissionError, match="Permission denied: .*adult_train.csv"):
        adult.load_adult(folder)


@pytest.mark.parametrize("name", ["adult_train.csv", "adult_test.csv"])
def test_a_truncated_data_file_is_named(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=f"{name} is not the original file: .*{len(content) // 2:,} bytes"):
        adult.load_adult(folder)


def test_an_empty_data_file_is_named(folder):
    (folder / "adult_train.csv").write_bytes(b"")
    with pytest.raises(ValueError, match="adult_train.csv is not the original file: .* 0 bytes"):
        adult.load_adult(folder)


@pytest.mark.parametrize("name", ["adult_train.csv", "adult_test.csv"])
def test_a_data_file_with_one_other_byte_is_named(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    with pytest.raises(ValueError, match=f"{name} is not the original file.*edited.*git checkout data"):
        adult.load_adult(folder)


def test_swapped_data_files_are_noticed(folder):
    (folder / "adult_train.csv").rename(folder / "other")
    (folder / "adult_test.csv").rename(folder / "adult_train.csv")
    (folder / "other").rename(folder / "adult_test.csv")
    with pytest.raises(ValueError, match="adult_train.csv is not the original file"):
        adult.load_adult(folder)


# ------------------------------------------------------------------------------------------ the real log


@pytest.fixture(scope="module")
def visit_frames():
    return visits.load_visits()


def test_the_log_comes_in_its_official_split(visit_frames):
    train, test, areas = visit_frames
    assert (len(train), train["user"].nunique()) == (98_654, 32_711)
    assert (len(test), test["user"].nunique()) == (15_191, 5_000)
    assert areas.shape == (294, 2) and areas["area"].is_unique
    assert (test["user"].value_counts() > 1).sum() == 3_453


def test_the_two_parts_of_the_log_share_no_user_and_repeat_no_visit(visit_frames):
    train, test, areas = visit_frames
    assert set(train["user"]).isdisjoint(test["user"])
    for log in (train, test):
        assert not log.duplicated().any() and set(log["area"]) <= set(areas["area"])
        assert list(log.columns) == ["user", "area"] and not log.isna().any().any()
    unseen = set(areas["area"]) - set(train["area"])
    assert (len(unseen), len(unseen & set(test["area"]))) == (9, 1)


@pytest.mark.parametrize("name", visits.SHA256)
def test_a_file_of_the_log_that_is_missing_or_edited_is_named(tmp_path, name):
    for other in visits.SHA256:
        shutil.copyfile(visits.DATA / other, tmp_path / other)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content.replace(b"1", b"2", 1) if b"1" in content else content[:-2])
    with pytest.raises(ValueError, match=f"{name} is not the original file.*git checkout data"):
        visits.load_visits(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}.*No such file.*git checkout data"):
        visits.load_visits(str(tmp_path))


def test_rows_of_the_log_hold_what_they_promise(visit_frames):
    train, _, areas = visit_frames
    log = train[train["user"] < 10_400]
    rows = visits.visit_rows(log, areas, negatives=3, seed=1)
    own = log.groupby("user")["area"].agg(set)
    assert rows["label"].mean() == 0.25 and rows["visited"].map(len).max() <= 7
    for user, area, seen, label, words in rows[["user", "area", "visited", "label", "words"]].itertuples(index=False):
        assert area not in seen and set(seen) <= own[user] and label == (area in own[user])
        assert words == visits.title_words(areas)[area] if label else True
    alone = own[own.map(len) == 1].index
    assert rows["user"][rows["label"] == 1].isin(alone).sum() == pytest.approx(0.3 * len(alone), abs=1)


def test_rows_in_one_call_hold_what_they_promise(monkeypatch):
    """Each visitor of a made-up log has areas of the own, so that a row tells whose it is."""
    log = pd.DataFrame([(user, f"{user}-{i}") for user in range(10) for i in range(user + 1)], columns=["user", "area"])
    areas = log[["area"]].assign(title="")
    logs = log[log["user"] < 5], log[log["user"] >= 5]
    monkeypatch.setattr(visits, "load_visits", lambda folder: (*logs, areas))
    for part, part_log in zip(visits.load_rows(negatives=3, seed=2), logs):
        assert part.columns.tolist() == ["user", "visited", "area", "label"]
        assert part.index.tolist() == list(range(len(part)))
        visitor = part["visited"].map(lambda areas: areas[0].split("-")[0])
        assert (part["user"].astype(str) == visitor).all()
        assert (part["label"] == (part["area"].str.split("-").str[0] == visitor)).all()
        assert all(area not in visited for area, visited in zip(part["area"], part["visited"]))
        others = part["visited"].map(len)
        assert (others == np.minimum(visitor.astype(int), 7)).all() and part["visited"].map(
            lambda x: len(set(x))
        ).equals(others)
        ones = part[part["label"] == 1]["area"]
        assert sorted(ones) == sorted(part_log.loc[part_log["user"] > 0, "area"])  # each visit once, but the single one
        assert len(part) == 4 * len(ones) and not part["label"].is_monotonic_decreasing
    again, other = (visits.load_rows(negatives=3, seed=seed)[0] for seed in (2, 3))
    assert again.equals(visits.load_rows(negatives=3, seed=2)[0]) and not again.equals(other)


def test_rows_in_one_call_come_from_the_official_split(visit_frames):
    parts = visits.load_rows(negatives=1)
    for part, log in zip(parts, visit_frames):
        several = log[log.groupby("user")["area"].transform("size") > 1]
        assert len(part) == 2 * len(several)
        ones = part.loc[part["label"] == 1, "area"]
        assert ones.value_counts().to_dict() == several["area"].value_counts().to_dict()
        assert part["visited"].map(len).between(1, 7).all()
    with pytest.raises(ValueError, match="n is 0"):
        visits.load_rows(negatives=0)


def test_a_held_out_visit_is_one_of_several(visit_frames):
    queries = visits.held_out_visits(visit_frames[1], seed=3)
    own = visit_frames[1].groupby("user")["area"].agg(set)
    assert len(queries) == 3_453
    assert all({area, *seen} == own[user] for user, area, seen in queries.itertuples(index=False))


# ------------------------------------------------------------------------------------------ simulated log


def test_a_planted_log_has_the_pairs_it_promises():
    pairs, log = planted.planted_log()
    assert pairs.columns.tolist() == ["user", "app", "kind", "truth"]
    assert len(pairs) == len(pairs[["user", "app"]].drop_duplicates()) == 576
    assert pairs.user.nunique() == pairs.app.nunique() == 24
    assert pairs.kind.value_counts().to_dict() == {"usual": 386, "never shown": 170, "exception": 20}
    fits = (pairs.user.str[1:].astype(int) < 12) == (pairs.app.str[1:].astype(int) < 12)
    exchanged = pairs.kind == "exception"
    np.testing.assert_array_equal(pairs.truth, np.where(fits ^ exchanged, 0.8, 0.1))
    assert log.columns.tolist() == ["user", "app", "install"] and len(log) == 406 * 20
    assert log.index.tolist() == list(range(len(log)))


def test_a_planted_log_shows_each_pair_as_often_as_asked_and_hides_the_rest():
    pairs, log = planted.planted_log(repeats=3)
    shown = pairs[pairs.kind != "never shown"]
    assert log.groupby(["user", "app"]).size().to_dict() == dict.fromkeys(zip(shown.user, shown.app, strict=True), 3)


def test_a_planted_log_follows_its_truth():
    pairs, log = planted.planted_log(repeats=2000)
    share = log.groupby(["user", "app"]).install.mean()
    truth = pairs.set_index(["user", "app"]).truth.loc[share.index]
    assert set(log.install) == {0, 1}
    assert np.abs(share - truth).max() < 5 * np.sqrt(0.8 * 0.2 / 2000)


def test_a_planted_log_depends_on_its_seed_alone():
    for first, second, other in zip(
        planted.planted_log(1), planted.planted_log(1), planted.planted_log(2), strict=True
    ):
        assert first.equals(second) and not first.equals(other)


# -------------------------------------------------------------------------------------- the Adult recipes


def test_the_wide_recipe_is_every_column_and_every_pair(census):
    train = census[0][:2000]
    wide = adult.wide_features(train)
    base = [feature for feature in wide["features"] if len(feature) == 1]
    assert {column for (column,) in base} == set(train.columns) - {"income", "fnlwgt", "education-num"}
    pairs = [frozenset(feature) for feature in wide["features"] if len(feature) == 2]
    assert len(base) == 12 and len(set(pairs)) == len(pairs) == 12 * 11 / 2
    assert len(base) + len(pairs) == len(wide["features"])
    assert set(wide["boundaries"]) == {"age", "hours-per-week"}
    assert wdl.wide_ids(train[:10], wide).shape == (10, 78)


def test_the_deep_recipe_never_sees_the_label(census):
    train = census[0][:2000]
    deep = adult.deep_features(train)
    assert {"income", "fnlwgt"}.isdisjoint([*deep["categories"], *deep["boundaries"]])
    assert set(deep["boundaries"]) == {"age", "education-num", "capital-gain", "capital-loss", "hours-per-week"}
    inputs = wdl.deep_inputs(census[1][:10], deep)
    assert inputs["deep_ids"].shape == (10, 10, 1) and inputs["numbers"].shape == (10, 5)


def test_a_training_recipe_has_a_fresh_optimizer_that_fits_the_model():
    kinds = {"wide": wdl.Ftrl, "deep": wdl.Adam}
    for model, kind in kinds.items():
        recipe = adult.training(model, 1000)
        assert type(recipe["optimizer"]) is kind and sorted(recipe) == ["batch_size", "epochs", "optimizer"]
        assert recipe["optimizer"] is not adult.training(model, 1000)["optimizer"]
    joint = adult.training("wide_deep", 1000)["optimizer"]
    assert [type(optimizer) for optimizer in joint.optimizers] == [wdl.Ftrl, wdl.Adam]


def test_the_deep_learning_rate_falls_to_zero_with_the_last_step():
    recipe = adult.training("deep", 1000)
    rate = recipe["optimizer"].get_config()["learning_rate"]["config"]
    assert rate["decay_steps"] == recipe["epochs"] * -(-1000 // recipe["batch_size"])


# ------------------------------------------------------------------------------ the recipes of all data sets

DATASETS = [adult, app_store, planted, visits]
dataset = pytest.mark.parametrize("dataset", DATASETS, ids=lambda module: module.__name__.split(".")[-1])


def fitted(dataset):
    frame = {
        adult: lambda: adult.load_adult()[0][:2000],
        app_store: lambda: app_store.simulate_day(app_store.make_store(0, n_users=200), 100, seed=1),
        planted: lambda: planted.planted_log()[1],
        visits: lambda: visits.visit_rows(visits.load_visits()[0][:2000], visits.load_visits()[2], negatives=1),
    }[dataset]()
    return dataset.wide_features(frame), dataset.deep_features(frame)


def training(dataset, kind):
    rows = {"n_rows": 5_000} if "n_rows" in inspect.signature(dataset.training).parameters else {}
    return dataset.training(kind, **rows)


@dataset
def test_a_data_set_has_a_model_of_each_kind_with_its_optimizer(dataset):
    wide, deep = fitted(dataset)
    rows = {"wide": wide["n_ids"], "deep": deep["n_ids"]}
    for kind in recipes.MODEL_KINDS:
        model = dataset.build_model(kind, wide, deep)
        assert model.name == kind
        parts = kind.split("_")
        tables = {weight.path.split("_")[0]: weight.shape[0] for weight in model.weights if "table" in weight.path}
        assert tables == {part: rows[part] for part in parts}
        optimizer = training(dataset, kind)["optimizer"]
        assert len(getattr(optimizer, "optimizers", [optimizer])) == len(parts)
        assert ("Ftrl" in str([type(o).__name__ for o in getattr(optimizer, "optimizers", [optimizer])])) == (
            "wide" in kind
        )
        assert training(dataset, kind)["optimizer"] is not optimizer


@dataset
def test_another_kind_is_named_with_those_that_there_are(dataset):
    message = "kind is 'wide and deep'; expected 'wide', 'deep' or 'wide_deep'"
    with pytest.raises(ValueError, match=message):
        dataset.build_model("wide and deep", {}, {})
    with pytest.raises(ValueError, match=message):
        training(dataset, "wide and deep")


def test_the_course_recipe_has_a_model_of_each_kind(census):
    wide, deep = adult.beginner_features(census[0][:2000])
    for kind, inputs in {
        "wide": {"one_hot"},
        "deep": {"deep_ids", "numbers"},
        "wide_deep": {"one_hot", "deep_ids", "numbers"},
    }.items():
        model = adult.beginner_model(kind, wide, deep)
        assert {tensor.name for tensor in model.inputs} == inputs and model.name == kind
        last = {"wide": wide["n_ids"], "deep": 50, "wide_deep": wide["n_ids"] + 50}[kind]
        assert model.layers[-1].kernel.shape == (last, 1)
    with pytest.raises(ValueError, match="kind is 'wide and deep'"):
        adult.beginner_model("wide and deep", wide, deep)


def test_the_course_inputs_are_the_ids_as_zeros_and_ones(census):
    train = census[0][:2000]
    wide, deep = adult.beginner_features(train)
    one_hot = adult.beginner_inputs(train[:50], wide, deep)["one_hot"]
    for row, ids in zip(one_hot, wdl.wide_ids(train[:50], wide)):
        assert set(np.flatnonzero(row)) == set(ids) - {0} and set(row) <= {0, 1}


def test_the_sizes_of_the_planted_model_are_those_of_the_notebooks():
    wide, deep = fitted(planted)
    model = planted.build_model("wide_deep", wide, deep)
    shapes = {tuple(weight.shape) for weight in model.trainable_variables}
    assert {(455, 1), (49, 4), (8, 16), (16,), (16, 1)} <= shapes
    assert planted.training("wide", l1=0.7)["optimizer"].l1_regularization_strength == 0.7
    assert isinstance(planted.training("deep")["optimizer"], keras.optimizers.Adam)


def test_the_planted_log_refuses_no_rows():
    with pytest.raises(ValueError, match="repeats is 0"):
        planted.planted_log(repeats=0)
