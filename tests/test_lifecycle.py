"""The life of a model: kept and loaded, grown and started warm, and let through the gate or not."""

import hashlib
import json
import pathlib
import shutil
import tempfile
import zipfile

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from recommender import folders, lifecycle, serving
from recommender.datasets import planted
from wide_deep import optimizers

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from laws import FEW, NumpyFtrl, small_frame, small_parts, weights_of


@pytest.fixture(scope="module")
def frame():
    return small_frame()[0]


@pytest.fixture(scope="module")
def labels():
    return small_frame()[1]


@pytest.fixture(scope="module")
def parts():
    """The fitted parts of the small frame."""
    return small_parts()[:2]


@pytest.fixture(scope="module")
def days(frame):
    """Two days of the small frame, the second with new letters."""
    return frame[frame["letter"].isin(["a", "b"])], frame[frame["letter"].isin(["b", "c", "d"])]


# --------------------------------------------------------------------------------------- keep for training


@pytest.fixture(scope="module")
def trained(parts, labels):
    """A joint model, without the random masks that Keras does not save, after two epochs."""
    keras.utils.set_random_seed(0)
    model = wdl.wide_deep_model(*parts, 4, (8,), 0.0)
    optimizer = wdl.joint_optimizer(wide=wdl.Ftrl(0.1), deep=wdl.Adagrad(0.1))
    wdl.train(model, small_parts()[2], labels, optimizer, epochs=2)
    return model


@pytest.fixture
def saved(trained, parts, tmp_path):
    folder = tmp_path / "new" / "folder"
    lifecycle.save_training(trained, *parts, folder)
    return folder


def test_what_is_kept_for_training_comes_back_and_training_goes_on_to_the_same_bits(saved, trained, parts, labels):
    again, wide, deep = lifecycle.load_training(saved)
    np.testing.assert_equal((wide, deep), parts)
    assert list(wide["vocabulary"]) == list(parts[0]["vocabulary"]) and wide["features"] == parts[0]["features"]
    for kept in (lifecycle.load_training(saved)[0], again):
        for path, weight in weights_of(trained).items():
            np.testing.assert_array_equal(weights_of(kept)[path], weight, err_msg=path)
    models = [again, keras.models.clone_model(trained)]
    optimizer = wdl.joint_optimizer(wide=wdl.Ftrl(0.1), deep=wdl.Adagrad(0.1))
    lifecycle.warm_start(trained, models[1], optimizer)
    for model, given_optimizer in zip(models, (None, optimizer)):
        keras.utils.set_random_seed(0)  # the order of the rows
        wdl.train(model, small_parts()[2], labels, given_optimizer, epochs=1)
    for path, weight in weights_of(models[1]).items():
        np.testing.assert_array_equal(weights_of(again)[path], weight, err_msg=path)
        assert (weight != weights_of(trained)[path]).any(), path


def test_a_missing_part_stays_missing_and_a_hashed_part_stays_hashed(frame, tmp_path, recwarn):
    hashed = wdl.fit_wide(frame, ["letter", ("letter", "size")], buckets={"size": 3}, hash_buckets=50, longest=3)
    lifecycle.save_training(wdl.wide_model(hashed), hashed, None, tmp_path)
    _, wide, deep = lifecycle.load_training(tmp_path)
    np.testing.assert_equal(wide, hashed)
    assert wide["longest"] == 3 and deep is None
    assert not [warning for warning in recwarn if "hashed" in str(warning.message)]  # only old files get one


def test_features_that_were_saved_without_their_kind_are_read(saved, parts, tmp_path):
    """Earlier versions wrote none."""
    folder = shutil.copytree(saved, tmp_path / "earlier")
    kept = json.loads((folder / "features.json").read_text(encoding="utf-8"))
    assert [kept[kind].pop("kind") for kind in ("wide", "deep")] == ["wide", "deep"]
    (folder / "features.json").write_text(json.dumps(kept), encoding="utf-8")
    _, *again = lifecycle.load_training(folder)
    np.testing.assert_equal(again, list(parts))


def test_the_kept_files_are_text_and_weights_and_nothing_that_runs(saved):
    assert sorted(path.name for path in saved.iterdir()) == ["features.json", "model.keras"]
    kept = json.loads((saved / "features.json").read_text(encoding="utf-8"))
    assert kept["format"] == 2
    assert kept["model"] == hashlib.sha256((saved / "model.keras").read_bytes()).hexdigest()
    with zipfile.ZipFile(saved / "model.keras") as archive:
        assert sorted(archive.namelist()) == ["config.json", "metadata.json", "model.weights.h5"]
        assert "Lambda" not in archive.read("config.json").decode()


def test_any_text_is_kept(tmp_path):
    values = ["größe", "\u2028", "x &y", '"', "\ud800"]
    wide = wdl.fit_wide(pd.DataFrame({"日本 = &": values[:4]}), ["日本 = &"])
    wide["vocabulary"]["日本=\ud800"] = 5  # one half of a surrogate pair, which UTF-8 cannot hold
    wide["n_ids"] = 6
    lifecycle.save_training(wdl.wide_model(wide), wide, None, tmp_path)
    assert lifecycle.load_training(tmp_path)[1] == wide
    assert "größe" in (tmp_path / "features.json").read_text(encoding="utf-8", errors="replace")  # it can be read


def test_what_does_not_belong_together_is_refused_by_name(saved, trained, parts, frame, tmp_path):
    fewer = wdl.fit_wide(frame, ["letter"])
    with pytest.raises(ValueError, match="rows in the table 'wide_weights', but the wide features have 5 ids"):
        lifecycle.save_training(trained, fewer, parts[1], tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    lifecycle.save_training(wdl.wide_model(fewer), fewer, None, tmp_path / "other")
    right = (saved / "model.keras").read_bytes()
    (saved / "model.keras").write_bytes((tmp_path / "other" / "model.keras").read_bytes())
    with pytest.raises(ValueError, match=r"model.keras is not the file that was saved with .*features.json"):
        lifecycle.load_training(saved)
    kept = json.loads((saved / "features.json").read_text(encoding="utf-8"))
    del kept["format"], kept["model"]  # an earlier version says nothing of the model: there the sizes are compared
    (saved / "features.json").write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(ValueError, match="has the table|rows in the table 'wide_weights'"):
        lifecycle.load_training(saved)
    (saved / "model.keras").write_bytes(right)
    assert lifecycle.load_training(saved)[0].name == "wide_deep"


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"format": 2, "model": "',
        "[]",
        "7",
        '{"wide": null}',
        '{"wide": {}, "deep": null}',
        '{"wide": 1, "deep": 1}',
        '{"wide": 0, "deep": null}',
        '{"format": 2, "wide": null, "deep": null}',
    ],
)
def test_a_damaged_file_is_named(saved, text):
    (saved / "features.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"features.json is damaged, or was not written by save_training"):
        lifecycle.load_training(saved)


@pytest.mark.parametrize(
    "kind, key, value",
    [
        ("wide", "n_ids", None),
        ("wide", "vocabulary", None),
        ("wide", "vocabulary", {"letter=a": 4711}),
        ("wide", "vocabulary", {"letter=a": "1"}),
        ("wide", "features", "letter"),
        ("wide", "boundaries", [1.0]),
        ("wide", "longest", 0),
        ("deep", "boundaries", {"size": [2.0, 1.0]}),
        ("deep", "categories", [7]),
    ],
)
@pytest.mark.parametrize("has_digest", [True, False], ids=["now", "version 1.0"])
def test_a_key_that_is_gone_or_has_another_type_is_damage(saved, kind, key, value, has_digest):
    kept = json.loads((saved / "features.json").read_text(encoding="utf-8"))
    if value is None:
        del kept[kind][key]
    else:
        kept[kind][key] = value
    if not has_digest:
        del kept["features"]
    (saved / "features.json").write_text(json.dumps(kept), encoding="utf-8")
    says = "not those that were saved" if has_digest else key if value is None else ""
    with pytest.raises(ValueError, match=f"features.json is damaged, or was not written by save_training.*{says}"):
        lifecycle.load_training(saved)


def test_an_edited_vocabulary_is_refused_and_a_folder_of_version_1_0_has_no_digest_of_it(saved):
    kept = json.loads((saved / "features.json").read_text(encoding="utf-8"))
    one, other = list(kept["wide"]["vocabulary"])[:2]
    ids = kept["wide"]["vocabulary"]
    kept["wide"]["vocabulary"] = {**ids, one: ids[other], other: ids[one]}
    (saved / "features.json").write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(ValueError, match="damaged, .*its features are not those that were saved"):
        lifecycle.load_training(saved)
    del kept["features"]
    (saved / "features.json").write_text(json.dumps(kept), encoding="utf-8")
    assert lifecycle.load_training(saved)[1]["vocabulary"][one] == ids[other]


def test_a_missing_file_a_cut_off_one_and_a_later_format_are_named(saved):
    with pytest.raises(FileNotFoundError, match="new has no file features.json: make it with save_training"):
        lifecycle.load_training(saved.parent)
    kept = json.loads((saved / "features.json").read_text(encoding="utf-8"))
    (saved / "features.json").write_text(json.dumps({**kept, "format": 3}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"features.json has the format 3; this version reads 1 and 2"):
        lifecycle.load_training(saved)
    (saved / "features.json").write_text(json.dumps(kept), encoding="utf-8")
    whole = (saved / "model.keras").read_bytes()
    (saved / "model.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"model.keras is not the file that was saved with"):
        lifecycle.load_training(saved)
    (saved / "model.keras").unlink()
    with pytest.raises(FileNotFoundError, match="has no file model.keras"):
        lifecycle.load_training(saved)


def test_a_training_is_saved_whole_or_not_at_all(saved, trained, parts, tmp_path, monkeypatch):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def full_disk(path, *_, **__):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "write_text", full_disk)  # the model is written, its features are not
        with pytest.raises(OSError, match="no space left"):
            lifecycle.save_training(trained, *parts, saved)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert [path.name for path in saved.parent.iterdir()] == ["folder"]
    (tmp_path / "link").symlink_to(saved)
    trained.get_layer("logit").bias.assign_add([0.0])
    lifecycle.save_training(trained, *parts, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and lifecycle.load_training(saved)[0].name == "wide_deep"
    (saved / "thesis").write_text("years of work")
    with pytest.raises(FileExistsError, match="holds something else.*'thesis'"):
        lifecycle.save_training(trained, *parts, saved)


# What the earlier version wrote, and what it is now. Its values held no ' & ', its names neither that nor '='.
OLD_NAMES = {
    "c=R&B": "c=R&B",
    "c=x &y": "c=x &&y",
    "c=x &&y": "c=x &&&y",
    "c=x &": "c=x &&",
    "c=a=b": "c=a=b",
    "c=": "c=",
    "c=two\nlines &": "c=two\nlines &&",
    "c=x & o=p": "c=x & o=p",
    "c=x & & o=& p": "c=x && & o=& p",
    "c=x &y & o=p &q": "c=x &&y & o=p &&q",
    "c=x & & & q=p": "c=x && & && q=p",
    "n[=[-inf, 2)": "n[=[-inf, 2)",
    "a\\=x": "a\\\\=x",
}


def test_names_of_an_earlier_version_are_written_anew(tmp_path):
    features = [["c"], ["c", "o"], ["c", "& q"], ["n["], ["a\\"]]
    ids = {name: i for i, name in enumerate(OLD_NAMES, start=1)}
    wide = {"features": features, "boundaries": {"n[": [2.0]}, "vocabulary": ids, "n_ids": len(ids) + 1}
    deep = {"categories": ["c", "a\\"], "boundaries": {}, "vocabulary": {"c=x &y": 1, "a\\=z": 2}, "n_ids": 3}
    model = wdl.wide_deep_model({"kind": "wide", **wide}, {"kind": "deep", **deep}, 2, (2,))
    model.save(tmp_path / "model.keras")
    (tmp_path / "features.json").write_text(json.dumps({"wide": wide, "deep": deep}), encoding="utf-8")
    _, new_wide, new_deep = lifecycle.load_training(tmp_path)
    assert new_wide["vocabulary"] == {OLD_NAMES[name]: i for name, i in ids.items()}
    assert new_wide["features"] == [tuple(feature) for feature in features]
    assert new_wide["boundaries"]["n["].dtype == "float64"
    assert new_deep["vocabulary"] == {"c=x &&y": 1, "a\\\\=z": 2}
    # They are the names that the frame gives now.
    row = pd.DataFrame({"c": ["x &y"], "o": ["p &q"], "& q": ["s"], "n[": [1.0], "a\\": ["x"]})
    found = {i for i in wdl.wide_ids(row, new_wide)[0].tolist() if i}
    assert found == {ids[name] for name in ("c=x &y", "c=x &y & o=p &q", "n[=[-inf, 2)", "a\\=x")}
    for wrong in ("z=x", "c=x & o=p & o=q", "c=x & y"):
        kept = {"wide": {**wide, "vocabulary": {wrong: 1}}, "deep": deep}
        (tmp_path / "features.json").write_text(json.dumps(kept), encoding="utf-8")
        with pytest.raises(ValueError, match=f"features.json has the name '{wrong}' in a vocabulary, which belongs to"):
            lifecycle.load_training(tmp_path)


def test_hashed_features_of_an_earlier_version_come_with_a_warning(tmp_path):
    hashed = wdl.fit_wide(pd.DataFrame({"c": ["x", "y"]}), ["c"], hash_buckets=9)
    wdl.wide_model(hashed).save(tmp_path / "model.keras")
    (tmp_path / "features.json").write_text(json.dumps({"wide": {**hashed, "boundaries": {}}, "deep": None}))
    with pytest.warns(UserWarning, match="values with ' &' have other buckets now") as warned:
        _, wide, _ = lifecycle.load_training(tmp_path)
    assert wide == hashed and warned[0].filename == __file__


# ------------------------------------------------------------------------------------------------ warm start


def test_a_vocabulary_grows_at_its_end(frame):
    wide = wdl.fit_wide(pd.DataFrame({"a": ["x", "y", "x"]}), ["a"])
    new_day = pd.DataFrame({"a": ["z", "u", "u", "y", "w", "w", "w"]})
    grown = lifecycle.grow(wide, new_day, min_count=1)
    assert grown["vocabulary"] == {"a=x": 1, "a=y": 2, "a=w": 3, "a=u": 4, "a=z": 5} and grown["n_ids"] == 6
    assert wide["vocabulary"] == {"a=x": 1, "a=y": 2} and wide["n_ids"] == 3
    numbers = wdl.fit_deep(frame, [], ["size"])  # nothing that could grow
    assert lifecycle.grow(numbers, frame, min_count=1) == numbers
    assert list(lifecycle.grow(wide, new_day, min_count=2)["vocabulary"]) == ["a=x", "a=y", "a=w", "a=u"]
    assert lifecycle.grow(grown, new_day, min_count=1) == grown


def test_both_parts_grow_and_old_rows_keep_their_ids(days):
    first, second = days
    wide = wdl.fit_wide(first, ["letter", "size", ("letter", "tags")], buckets={"size": 4})
    deep = wdl.fit_deep(first, ["letter", "tags"], ["size"])
    new_wide, new_deep = (lifecycle.grow(part, second, min_count=1) for part in (wide, deep))
    assert {"letter=c", "letter=c & tags=p"} <= set(new_wide["vocabulary"]) - set(wide["vocabulary"])
    assert "letter=c" in new_deep["vocabulary"]
    np.testing.assert_equal(new_wide["boundaries"], wide["boundaries"])
    old, new = wdl.joint_inputs(first, wide, deep), wdl.joint_inputs(first, new_wide, new_deep)
    np.testing.assert_equal(new, old)
    assert not (wdl.wide_ids(second, new_wide)[:, 0] == 0).any()


def test_an_empty_vocabulary_grows():
    rare = pd.DataFrame({"c": ["a", "b"], "n": [1, 2]})
    wide = wdl.fit_wide(rare, ["c"], min_count=2)
    deep = wdl.fit_deep(rare, ["c"], ["n"], min_count=2)
    assert wide["vocabulary"] == deep["vocabulary"] == {}
    for part in (wide, deep):
        grown = lifecycle.grow(part, pd.DataFrame({"c": ["new", "new", "a"]}), min_count=2)
        assert grown["vocabulary"] == {"c=new": 1} and grown["n_ids"] == 2 and part["n_ids"] == 1


def test_a_list_that_grows_is_cut_as_before():
    wide = wdl.fit_wide(pd.DataFrame({"l": [["p"]]}), ["l"], longest=2)
    grown = lifecycle.grow(wide, pd.DataFrame({"l": [["q", "q", "r", "s"]]}), min_count=1)
    assert grown["vocabulary"] == {"l=p": 1, "l=q": 2, "l=r": 3} and grown["longest"] == 2


def test_a_category_that_is_a_number_of_the_deep_part_too_grows_as_a_category():
    deep = wdl.fit_deep(pd.DataFrame({"n": [1, 2]}), ["n"], ["n"], n_quantiles=2)
    assert lifecycle.grow(deep, pd.DataFrame({"n": [3]}), min_count=1)["vocabulary"] == {"n=1": 1, "n=2": 2, "n=3": 3}


def test_hashed_features_have_nothing_to_grow(days):
    hashed = wdl.fit_wide(days[0], ["letter"], hash_buckets=9)
    assert lifecycle.grow(hashed, days[1], min_count=1) == hashed


def test_growing_refuses_what_fitting_refuses(parts, frame):
    with pytest.raises(KeyError, match="no column 'letter'"):
        lifecycle.grow(parts[0], frame[["tags", "size"]], min_count=1)
    with pytest.raises(ValueError, match="min_count is 0"):
        lifecycle.grow(parts[0], frame, min_count=0)
    with pytest.raises(TypeError, match="min_count"):  # what the part was fitted with is not known
        lifecycle.grow(parts[0], frame)


@pytest.fixture(scope="module")
def day_1(days, labels):
    """A model of day 1 and its parts; the first test trains it for one more epoch, the others leave it alone."""
    first = days[0]
    parts = wdl.fit_wide(first, ["letter", ("letter", "tags")]), wdl.fit_deep(first, ["letter", "tags"], ["size"])
    keras.utils.set_random_seed(0)
    model = wdl.wide_deep_model(*parts, 4, (8,), 0.0)
    wdl.train(model, wdl.joint_inputs(first, *parts), labels[first.index], new_optimizer(), epochs=5, batch_size=16)
    return model, parts


def new_optimizer(rate=0.1):
    ftrl = wdl.Ftrl(rate, l1_regularization_strength=0.01, initial_accumulator_value=1e-6)
    return wdl.joint_optimizer(wide=ftrl, deep=wdl.Adagrad(rate / 4, initial_accumulator_value=1e-6))


def test_a_warm_start_without_growth_goes_on_as_if_nothing_had_happened(day_1, days, labels):
    model, parts = day_1
    twin, optimizer = wdl.wide_deep_model(*parts, 4, (8,), 0.0), new_optimizer()
    lifecycle.warm_start(model, twin, optimizer)
    inputs = wdl.joint_inputs(days[0], *parts)
    labels = labels[days[0].index]
    keras.utils.set_random_seed(0)  # the same order of the rows for both
    wdl.train(model, inputs, labels, epochs=1)
    keras.utils.set_random_seed(0)
    wdl.train(twin, inputs, labels, optimizer, epochs=1)
    for path, weight in weights_of(model).items():
        np.testing.assert_array_equal(weights_of(twin)[path], weight, err_msg=path)
    assert int(optimizer.iterations) == int(model.optimizer.iterations)


@pytest.mark.parametrize("kind", [wdl.Adagrad, wdl.Adam])
def test_a_schedule_starts_anew_on_day_2_and_a_constant_rate_keeps_its_count(kind, days, labels):
    first = days[0]
    parts = wdl.fit_wide(first, ["letter"]), wdl.fit_deep(first, ["letter"], ["size"])
    inputs = wdl.joint_inputs(first, *parts)
    labels = labels[first.index]

    def scheduled():  # its rate is 0 after one day
        return wdl.joint_optimizer(wide=wdl.Ftrl(0.1), deep=kind(keras.optimizers.schedules.CosineDecay(0.1, 3)))

    old, new = (wdl.wide_deep_model(*parts, 4, (8,), 0.0) for _ in range(2))
    optimizer = scheduled()
    wdl.train(old, inputs, labels, scheduled(), epochs=3, batch_size=len(labels))
    lifecycle.warm_start(old, new, optimizer)
    ftrl, deep = optimizer.optimizers
    assert [int(part.iterations) for part in (*old.optimizer.optimizers, ftrl, deep)] == [3, 3, 3, 0]
    before = weights_of(new)
    wdl.train(new, inputs, labels, optimizer, epochs=1, batch_size=len(labels))
    for path, weight in weights_of(new).items():
        assert (weight != before[path]).any(), path


def test_day_2_changes_no_weight_that_it_does_not_touch(day_1, days, labels):
    model, parts = day_1
    second = days[1]
    grown = [lifecycle.grow(part, second, min_count=1) for part in parts]
    new, optimizer = wdl.wide_deep_model(*grown, 4, (8,), 0.0), new_optimizer()
    lifecycle.warm_start(model, new, optimizer)
    before, fresh = weights_of(model), weights_of(new)
    inputs = wdl.joint_inputs(second, *grown)
    wdl.train(new, inputs, labels[second.index], optimizer, epochs=3, batch_size=16)
    after = weights_of(new)
    for name, table in (("wide_ids", "wide_weights/table"), ("deep_ids", "deep_embeddings/table")):
        n_old = len(before[table])
        np.testing.assert_array_equal(fresh[table][:n_old], before[table])
        touched = np.isin(np.arange(len(after[table])), inputs[name]) & (np.arange(len(after[table])) > 0)
        assert 1 < (~touched[:n_old]).sum() < n_old and touched[n_old:].all()
        np.testing.assert_array_equal(after[table][~touched], fresh[table][~touched])
        assert (after[table][touched] != fresh[table][touched]).any(axis=1).mean() > 0.8
    assert (before["wide_weights/table"] != 0).mean() > 0.5


def test_a_warm_start_refuses_what_does_not_fit(day_1, days):
    model, parts = day_1
    with pytest.raises(ValueError, match="has no optimizer"):
        lifecycle.warm_start(wdl.wide_deep_model(*parts), model, new_optimizer())
    with pytest.raises(ValueError, match="expected the same"):
        lifecycle.warm_start(model, wdl.wide_deep_model(*parts, 4, (8, 8), 0.0), new_optimizer())
    with pytest.raises(ValueError, match=r"has the shape \(.*, 5\).*rows of tables may be added"):
        lifecycle.warm_start(model, wdl.wide_deep_model(*parts, 5, (8,), 0.0), new_optimizer())
    fewer = wdl.fit_wide(days[0], ["letter"])
    with pytest.raises(ValueError, match="rows of tables may be added"):
        lifecycle.warm_start(model, wdl.wide_deep_model(fewer, parts[1], 4, (8,), 0.0), new_optimizer())
    one_more = wdl.fit_deep(days[0].assign(twin=days[0]["letter"]), ["letter", "tags", "twin"], ["size"])
    with pytest.raises(ValueError, match="deep_hidden_1/kernel has the shape .*rows of tables may be added"):
        lifecycle.warm_start(model, wdl.wide_deep_model(parts[0], one_more, 4, (8,), 0.0), new_optimizer())
    adam = wdl.joint_optimizer(wide=wdl.Ftrl(0.1, l1_regularization_strength=0.01), deep=wdl.Adam(0.1))
    with pytest.raises(ValueError, match="momentum.*expected the same"):
        lifecycle.warm_start(model, wdl.wide_deep_model(*parts, 4, (8,), 0.0), adam)


@pytest.mark.parametrize(
    "name, value",
    [
        ("learning_rate", 0.05),
        ("beta", 1.0),
        ("l1_regularization_strength", 0.02),
        ("l2_regularization_strength", 0.5),
        ("learning_rate_power", -0.4),
    ],
)
def test_a_warm_start_refuses_another_setting_of_ftrl_and_changes_nothing(day_1, name, value):
    model, parts = day_1
    new = wdl.wide_deep_model(*parts, 4, (8,), 0.0)
    before = weights_of(new)
    settings = {
        "learning_rate": 0.1,
        "l1_regularization_strength": 0.01,
        "initial_accumulator_value": 1e-6,
        name: value,
    }
    optimizer = wdl.joint_optimizer(wide=wdl.Ftrl(**settings), deep=wdl.Adagrad(0.5))
    with pytest.raises(ValueError, match=f"The old Ftrl has {name} .* and the new one {value:.6g}"):
        lifecycle.warm_start(model, new, optimizer)
    np.testing.assert_equal(weights_of(new), before)
    # Any other setting may change: the start of a new id, and the deep part's rate.
    ftrl = wdl.Ftrl(0.1, l1_regularization_strength=0.01, initial_accumulator_value=0.1)
    lifecycle.warm_start(model, new, wdl.joint_optimizer(wide=ftrl, deep=wdl.Adagrad(0.5)))
    assert float(ftrl.learning_rate) == pytest.approx(0.1)


SEEDS = {"l1": [0.0, 0.3], "l2": [0.0, 0.2], "beta": [0.0, 1.0], "start": [0.1, 1e-6], "learning_rate": [0.05, 0.5]}


@FEW
@given(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in SEEDS.items()}))
def test_a_seeded_ftrl_keeps_each_weight_that_has_no_gradient_and_a_new_one_wipes_it(parts, settings):
    table = np.array([[0.0], [1.5], [-0.25], [3.0]], "float32")
    gradient = tf.IndexedSlices(tf.zeros((3, 1)), tf.constant([1, 2, 0]), tf.constant([4, 1]))
    model = wdl.wide_model({**parts[0], "n_ids": 4})
    ftrl = wdl.Ftrl(
        settings["learning_rate"], l1_regularization_strength=settings["l1"], beta=settings["beta"],
        l2_regularization_strength=settings["l2"], initial_accumulator_value=settings["start"],
    )  # fmt: skip
    new = wdl.Ftrl(**ftrl.get_config())
    variable = model.trainable_variables[0]
    for optimizer, expected in ((new, [0, 0, 0, 3]), (ftrl, [0, 1.5, -0.25, 3])):
        variable.assign(table)
        optimizer.build(model.trainable_variables)
        if optimizer is ftrl:
            lifecycle.seed_ftrl(optimizer, model)
        optimizer.apply([gradient, tf.zeros(1)], model.trainable_variables)
        np.testing.assert_allclose(variable.numpy()[:, 0], expected, rtol=1e-4)  # float32
    # The same seed in the published algorithm, which says what comes next.
    reference = NumpyFtrl(table, **settings)
    reference.z[1:3] = optimizers.ftrl_weights_and_z(ftrl)[0][1].numpy()[1:3]
    pieces = [[0.5], [-0.125]]
    reference.step([1, 2], pieces)
    steps = tf.IndexedSlices(tf.constant(pieces), tf.constant([1, 2]), tf.constant([4, 1]))
    ftrl.apply([steps, tf.zeros(1)], model.trainable_variables)
    np.testing.assert_allclose(variable.numpy()[1:3], reference.w[1:3], rtol=1e-4, atol=1e-6)


def test_seeding_reaches_the_wide_part_of_a_joint_optimizer_and_needs_an_ftrl(day_1):
    model, _ = day_1
    optimizer = new_optimizer()
    lifecycle.seed_ftrl(optimizer, model)
    inner = optimizer.optimizers[0]
    weights = model.get_layer("wide_weights").get_weights()[0]
    z = optimizers.ftrl_weights_and_z(inner)[0][1].numpy()
    np.testing.assert_allclose(z, -weights * 1e-3 / 0.1 - 0.01 * np.sign(weights), rtol=1e-5)
    with pytest.raises(ValueError, match="The learning rate of 'ftrl.*' is 0.0; expected one above 0"):
        lifecycle.seed_ftrl(keras.optimizers.Ftrl(0.0), model)  # ours takes no such rate
    with pytest.raises(ValueError, match="no Ftrl in the optimizer 'adagrad"):
        lifecycle.seed_ftrl(wdl.Adagrad(0.1), model)


# -------------------------------------------------------------------------------------------------- the gate

BOUNDS = {"max_change": 0.06, "max_rise": 0.02}


@pytest.fixture(scope="module")
def shown():
    """The planted log: two thirds of its rows are trained on, the rest is held out."""
    return planted.planted_log(seed=1, repeats=6)[1]


@pytest.fixture(scope="module")
def to_train(shown):
    return shown[shown.index % 3 != 0]


@pytest.fixture(scope="module")
def yesterday(shown, to_train):
    """A model of the planted log as of yesterday, and its parts."""
    wide = wdl.fit_wide(shown, ["user", "app", ("user", "app")])
    deep = wdl.fit_deep(shown, ["user", "app"], [])
    keras.utils.set_random_seed(0)
    model = wdl.wide_deep_model(wide, deep, 4, (8,), 0.0)
    inputs = wdl.joint_inputs(to_train, wide, deep)
    wdl.train(model, inputs, to_train["install"], new_optimizer(0.2), epochs=15, batch_size=128)
    return model, (wide, deep)


@pytest.fixture(scope="module")
def live(yesterday, shown, tmp_path_factory):
    model, parts = yesterday
    folder = tmp_path_factory.mktemp("serving") / "live"
    serving.export(model, *parts, shown[:50], folder)
    return folder


@pytest.fixture
def gate(live, shown, tmp_path):
    """The function that exports a candidate and gives the gate's report of it."""

    def report(model, parts, sample=None):
        serving.export(model, *parts, shown[:50] if sample is None else sample, tmp_path / "candidate")
        return run_gate(live, tmp_path / "candidate", shown)

    return report


@pytest.fixture
def at_once(monkeypatch):
    """Candidates are scored in the tests' own process, where it does not matter; another takes seconds to begin."""
    monkeypatch.setattr(lifecycle, "_score_in_process", lambda candidate, sample: serving.scorer(candidate)(sample))


def run_gate(live, candidate, shown):
    held_out = shown[shown.index % 3 == 0]
    return lifecycle.dry_run(live, candidate, held_out, held_out["install"], **BOUNDS)


def shuffled(part):
    """Another string for each id: what happens when vocabulary and weights come from two different runs."""
    names = list(part["vocabulary"])
    np.random.default_rng(0).shuffle(names)
    return {**part, "vocabulary": dict(zip(names, part["vocabulary"].values()))}


def with_weight(model, parts, path, value):
    broken = wdl.wide_deep_model(*parts, 4, (8,), 0.0)
    broken.set_weights(model.get_weights())
    next(weight for weight in broken.weights if weight.path == path).assign(value)
    return broken


def save_scores(folder, probabilities):
    """Save a candidate whose scores the function `probabilities` gives, of the rows' users."""
    module = tf.Module()
    spec = {"user": tf.TensorSpec([None], tf.string)}
    module.score = tf.function(lambda columns: {"probability": probabilities(columns["user"])}, input_signature=[spec])
    tf.saved_model.save(module, str(folder))


def test_the_gate_lets_a_good_candidate_through(yesterday, live, gate, to_train, shown):
    model, parts = yesterday
    new, optimizer = wdl.wide_deep_model(*parts, 4, (8,), 0.0), new_optimizer(0.2)
    lifecycle.warm_start(model, new, optimizer)
    wdl.train(new, wdl.joint_inputs(to_train, *parts), to_train["install"], optimizer, epochs=1)
    report = gate(new, parts)
    assert report["reasons"] == [] and 0 < report["change"] < BOUNDS["max_change"]
    assert run_gate(live, live, shown) == {"change": 0, "rise": 0, "reasons": []}


def test_the_gate_refuses_a_shuffled_vocabulary(yesterday, gate, at_once):
    model, (wide, deep) = yesterday
    report = gate(model, (shuffled(wide), shuffled(deep)))
    assert len(report["reasons"]) == 2
    assert "scores moved by" in report["reasons"][0] and "log loss rose" in report["reasons"][1]


def test_the_gate_refuses_a_weight_that_is_not_a_number(yesterday, gate, shown, at_once):
    model, parts = yesterday
    table = model.get_layer("wide_weights").get_weights()[0]
    used = parts[0]["vocabulary"]["user=u7"]
    table[used] = np.nan
    other_rows = shown[shown["user"] != "u7"][:50]  # the export itself sees nothing
    report = gate(with_weight(model, parts, "wide_weights/table", table), parts, other_rows)
    assert len(report["reasons"]) == 1 and "scores are no numbers between 0 and 1" in report["reasons"][0]
    assert np.isnan(report["change"])


@pytest.mark.parametrize("path", ["wide_weights/table", "deep_logit/kernel"])
def test_the_gate_refuses_a_model_that_lacks_one_logit(yesterday, gate, path, at_once):
    model, parts = yesterday
    zeros = np.zeros(next(weight for weight in model.weights if weight.path == path).shape)
    assert "scores moved by" in gate(with_weight(model, parts, path, zeros), parts)["reasons"][0]


def test_the_gate_refuses_what_gives_no_scores(live, shown, tmp_path, at_once):
    n_rows = (shown.index % 3 == 0).sum()
    save_scores(tmp_path / "two", lambda users: tf.constant([0.5, 0.5]))
    assert run_gate(live, tmp_path / "two", shown)["reasons"] == [
        f"it gives scores of the shape (2,); expected ({n_rows},)"
    ]
    save_scores(tmp_path / "logits", lambda users: tf.fill(tf.shape(users), 1.5))
    report = run_gate(live, tmp_path / "logits", shown)
    assert report["reasons"] == [f"{n_rows} of {n_rows} scores are no numbers between 0 and 1"]
    assert np.isnan(report["change"]) and np.isnan(report["rise"])


def test_a_candidate_that_is_not_there_crashes_or_hangs_takes_nothing_down(live, shown, tmp_path, monkeypatch):
    def crash(users):
        with tf.control_dependencies([tf.raw_ops.Abort(error_msg="a bug in a kernel")]):
            return tf.fill(tf.shape(users), 0.5)

    assert "cannot be loaded and score: OSError" in run_gate(live, tmp_path / "nothing", shown)["reasons"][0]
    save_scores(tmp_path / "crash", crash)
    reasons = run_gate(live, tmp_path / "crash", shown)["reasons"]
    assert len(reasons) == 1 and "cannot be loaded and score: its process ended with the code -6" in reasons[0]
    monkeypatch.setattr(lifecycle, "GATE_SECONDS", 0.1)  # no process begins in this time
    assert run_gate(live, live, shown)["reasons"] == ["it cannot be loaded and score: it took more than 0.1 seconds"]


def test_scores_of_a_process_that_crashed_afterwards_do_not_count(live, shown, monkeypatch):
    crash = "import os, sys, numpy; numpy.save(sys.argv[2] + '/scores.npy', numpy.zeros(3)); os.abort()"
    monkeypatch.setattr(lifecycle, "GATE_PROGRAM", ["-c", crash])
    assert "its process ended with the code -6" in run_gate(live, live, shown)["reasons"][0]


def test_a_bound_that_is_no_number_lets_nothing_through(live, shown, at_once):
    held_out = shown[shown.index % 3 == 0]
    report = lifecycle.dry_run(
        live, live, held_out, held_out["install"], max_change=float("nan"), max_rise=float("nan")
    )
    assert len(report["reasons"]) == 2


def test_only_tables_may_grow_and_not_what_is_called_like_one():
    models = []
    for width in (2, 3):
        numbers = keras.Input((width,), name="numbers")
        layer = keras.layers.Dense(1, name="timetable")
        models.append(keras.Model([numbers], layer(numbers)))
        wdl.train(models[-1], {"numbers": np.zeros((4, width))}, [0, 1, 0, 1], keras.optimizers.SGD(0.1), epochs=1)
    with pytest.raises(ValueError, match="timetable/kernel has the shape .* only rows of tables may be added"):
        lifecycle.warm_start(*models, keras.optimizers.SGD(0.1))


def test_growing_what_was_never_fitted_is_refused():
    with pytest.raises(ValueError, match="call fit_wide or fit_deep first"):
        lifecycle.grow({}, pd.DataFrame({"a": ["x"]}), min_count=1)


def test_an_interrupt_between_two_renames_leaves_the_old_folder(tmp_path, monkeypatch):
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "old.txt").write_text("old")
    rename = pathlib.Path.rename

    def interrupted(path, target):
        if path.name == "new":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(pathlib.Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), tempfile.TemporaryDirectory(dir=tmp_path) as beside:  # noqa: PT012
        (pathlib.Path(beside) / "new").mkdir()
        folders.replace_folder(tmp_path / "live", pathlib.Path(beside) / "new")
    assert (tmp_path / "live" / "old.txt").read_text() == "old"


def test_an_ftrl_that_has_trained_cannot_be_seeded():
    wide = wdl.fit_wide(pd.DataFrame({"city": ["Rome", "Oslo"]}), ["city"])
    model, ftrl = wdl.wide_model(wide), wdl.Ftrl(0.1)
    wdl.train(model, {"wide_ids": np.array([[1], [2]])}, [0, 1], ftrl, epochs=1)
    with pytest.raises(ValueError, match="has trained already; expected a new one"):
        lifecycle.seed_ftrl(ftrl, model)
    with pytest.raises(ValueError, match="keeps slots of other weights"):
        lifecycle.seed_ftrl(ftrl, wdl.wide_model(wide))
