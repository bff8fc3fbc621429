import shutil

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
import wdl_adult as adult
import wdl_store

# isort: split
import numpy as np
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
    with pytest.raises(FileNotFoundError, match="adult_test.csv.*git checkout data"):
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


# ------------------------------------------------------------------------------------------ simulated log


def test_a_planted_log_has_the_pairs_it_promises():
    pairs, log = wdl_store.planted_log()
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
    pairs, log = wdl_store.planted_log(repeats=3)
    shown = pairs[pairs.kind != "never shown"]
    assert log.groupby(["user", "app"]).size().to_dict() == dict.fromkeys(zip(shown.user, shown.app, strict=True), 3)


def test_a_planted_log_follows_its_truth():
    pairs, log = wdl_store.planted_log(repeats=2000)
    share = log.groupby(["user", "app"]).install.mean()
    truth = pairs.set_index(["user", "app"]).truth.loc[share.index]
    assert set(log.install) == {0, 1}
    assert np.abs(share - truth).max() < 5 * np.sqrt(0.8 * 0.2 / 2000)


def test_a_planted_log_depends_on_its_seed_alone():
    for first, second, other in zip(
        wdl_store.planted_log(1), wdl_store.planted_log(1), wdl_store.planted_log(2), strict=True
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
    with pytest.raises(KeyError, match="narrow"):
        adult.training("narrow", 1000)


def test_the_deep_learning_rate_falls_to_zero_with_the_last_step():
    recipe = adult.training("deep", 1000)
    rate = recipe["optimizer"].get_config()["learning_rate"]["config"]
    assert rate["decay_steps"] == recipe["epochs"] * -(-1000 // recipe["batch_size"])
