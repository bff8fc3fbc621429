"""The benchmark's arithmetic on cases worked out by hand, and its committed results held to what is said of them."""

import ast
import inspect
import json
import pathlib
import re
import time
from statistics import mean, stdev

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from benchmarks import (
    ablation,
    adult,
    estimator,
    joint_training,
    leak_checks,
    log_features,
    offpolicy,
    open_loop,
    report,
    significance,
    tune,
    visits,
)
from benchmarks import planted as grid_benchmark
from benchmarks import position as position_benchmark
from benchmarks import retrieval as first_stage
from recommender import pictures
from recommender.datasets import adult as census
from recommender.datasets import planted as planted_log
from recommender.datasets import visits as visit_log

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUNS = json.loads((ROOT / "benchmarks" / "adult.json").read_text())


@pytest.fixture(scope="session")
def census_rows():
    """The training rows and the test rows of the census."""
    return census.load_adult()


# ----------------------------------------------------------------------------------------- committed results


def test_every_model_has_ten_seeds_of_each_score():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    assert [name for name in adult.MODELS if name in RUNS] == list(RUNS)
    for name, run in RUNS.items():
        assert {score: len(values) for score, values in run.items()} == dict.fromkeys(
            ["auc", "accuracy", "log_loss", "seconds"], 10
        ), name


def test_wide_and_deep_is_ahead_in_every_seed():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    others = RUNS.keys() - {"wide_deep", "wide_deep_tuned", "tf_estimator"}  # all three are the same model
    for better, worse in [("deep", "wide"), *(("wide_deep", name) for name in others)]:
        assert all(a > b for a, b in zip(RUNS[better]["auc"], RUNS[worse]["auc"])), (better, worse)
        assert all(a < b for a, b in zip(RUNS[better]["log_loss"], RUNS[worse]["log_loss"])), (better, worse)


def test_the_levels_are_those_that_were_asked_for():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    joint = RUNS["wide_deep"]
    assert mean(joint["auc"]) >= 0.9295 and mean(joint["accuracy"]) >= 0.874 and mean(joint["log_loss"]) <= 0.271
    assert mean(RUNS["wide"]["auc"]) >= 0.9255


def test_the_papers_own_system_with_our_settings_scores_as_ours_does():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    for score in ("auc", "accuracy", "log_loss"):
        ours, theirs = RUNS["wide_deep"][score], RUNS["tf_estimator"][score]
        assert abs(mean(ours) - mean(theirs)) < stdev(ours) + stdev(theirs), score


def test_the_best_accuracy_is_a_jointly_trained_models_as_the_pages_say():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    best, second = sorted(RUNS, key=lambda name: mean(RUNS[name]["accuracy"]), reverse=True)[:2]
    assert (best, second) == ("wide_deep_tuned", "ensemble")
    assert mean(RUNS["wide_deep_tuned"]["accuracy"]) >= 0.876


VISITS = json.loads((ROOT / "benchmarks" / "visits.json").read_text())
TRIALS = json.loads((ROOT / "benchmarks" / "visits_search.json").read_text())


def test_the_real_log_was_ranked_ten_times_by_every_model():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    assert set(VISITS) - set(visits.TUNED.values()) == {*visits.MODELS, "new_areas"}
    for name in visits.MODELS:
        assert len(VISITS[name]["all_but_1"]) == len(VISITS[name]["hit_10"]) == 10, name
        if name != "wide_deep":
            assert (np.array(VISITS["wide_deep"]["all_but_1"]) > VISITS[name]["all_but_1"]).all(), name
    assert abs(mean(VISITS["popularity"]["all_but_1"]) - 49.77) < 0.34  # the published baseline, and its difference


def test_words_alone_speak_for_new_areas():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    for name, ways in VISITS["new_areas"].items():
        raw, beyond = np.array(ways["raw"]), np.array(ways["beyond visitor"])
        assert len(raw) == len(beyond) == 10, name
        if name in ("wide", "deep, no words"):
            assert (beyond == 0.5).all() and (name != "wide" or (raw == 0.5).all()), name
        else:
            assert beyond.min() > 0.5 and beyond.mean() - 2.262 * beyond.std(ddof=1) / 10**0.5 > 0.55, name
    assert min(VISITS["new_areas"]["deep, no words"]["raw"]) > 0.5  # what a visitor's activity says


def best_trial(model):
    """The settings of the best trial of a model, by what they are called."""
    trials = {name: found["all_but_1"] for name, found in TRIALS.items() if name.split(",")[0] == model}
    parts = [part.rsplit(" ", 1) for part in max(trials, key=trials.get).split(", ")[1:]]
    return {what: float(value) for what, value in parts}, len(trials)


def test_the_real_logs_settings_are_the_best_that_were_tried_and_the_page_says_how_many():
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    tree = ast.parse((ROOT / "benchmarks" / "visits_peers.py").read_text())
    for name in ("als", "bpr"):
        (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
        names = [argument.arg for argument in function.args.args][-len(function.args.defaults) :]
        chosen = dict(zip(names, map(ast.literal_eval, function.args.defaults)))
        settings, n = best_trial(name)
        assert settings == {what: chosen[what] for what in settings}
        assert re.search(rf"\b{n}\b[\w ]* for {name.upper()}", page), (name, n)
    assert best_trial("ease") == ({"penalty": visits.PENALTY}, 6)


@pytest.mark.parametrize("kind", visits.KINDS)
def test_each_kind_has_its_trials_begins_with_the_shared_settings_and_takes_none_at_an_edge(kind):
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    trials = TRIALS[kind]
    assert len(trials) == visits.TRIALS
    assert {name: trials[0][name] for name in visits.OF_KIND[kind]} == {
        name: visits.START[name] for name in visits.OF_KIND[kind]
    }
    best = visits.best_settings(kind)
    for name in visits.OF_KIND[kind]:
        tried = [trial[name] for trial in trials]
        assert min(tried) < best[name] < max(tried), (kind, name)
    (score,) = [trial["all_but_1"] for trial in trials if best.items() <= trial.items()]
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert f"{score:.2f}" in page and f"{trials[0]['all_but_1']:.2f}" in page
    better = [trial for trial in trials if trial["all_but_1"] > score]
    assert len(better) <= 1 and score > trials[0]["all_but_1"] + 0.2


def test_the_search_starts_with_the_settings_that_notebooks_share():
    defaults = inspect.signature(visit_log.training).parameters
    assert {name: visits.START[name] for name in ("epochs", "wide_rate", "l1", "deep_rate")} == {
        name: defaults[name].default for name in ("epochs", "wide_rate", "l1", "deep_rate")
    }
    width = visits.START["embedding_dim"]
    assert (width, (2 * width, width)) == (visit_log.MODEL_SIZES["embedding_dim"], visit_log.MODEL_SIZES["units"])


def test_a_search_climbs_by_two_rungs_then_by_one_and_keeps_to_its_budget():
    def score(settings):
        return -abs(np.log(settings["wide_rate"] / 0.56)) - abs(np.log(settings["l1"] / 0.0003))

    start = {"wide_rate": 0.2, "l1": 0.001}
    tried = visits.climb(start, score, 20)
    assert max(tried, key=score) == {"wide_rate": 0.56, "l1": 0.0003}
    assert [settings["wide_rate"] for settings in tried[:4]] == [0.2, 0.4, 0.8, 0.4]  # 0.8 is one too far
    assert len({tuple(settings.values()) for settings in tried}) == len(tried) < 20
    assert visits.climb(start, score, 5) == tried[:5]
    assert visits.climb(start, lambda settings: 0, 20)[0] == start  # nothing is better, so nothing moves


def test_a_ladder_has_ends():
    assert visits.neighbour({"epochs": 4}, "epochs", 2) == {"epochs": 8}
    assert visits.neighbour({"epochs": 1}, "epochs", -1) is None
    assert visits.neighbour({"epochs": 32}, "epochs", 1) is None


def test_what_the_page_says_of_bpr_without_popularity_is_in_the_trials():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    without = max(run["all_but_1"] for name, run in TRIALS.items() if "popularity 0" in name)
    popularity = TRIALS["popularity"]["all_but_1"]
    assert f"had {without:.1f} on the held-out training users, where popularity has {popularity:.1f}" in page
    assert without < popularity


def test_a_log_of_a_million_rows_takes_seconds():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    found = json.loads((ROOT / "benchmarks" / "log_features.json").read_text())
    assert found["rows"] > 1_000_000 and 9 < found["items a list"] < 12
    assert sum(found["processor seconds"].values()) < 20
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert f"{found['peak GiB']:.1f} GiB" in page and f"{sum(found['processor seconds'].values()):.0f} seconds" in page


def test_the_log_of_a_million_rows_is_measured_by_steps():
    found = log_features.measure(users=40, items=30, visits=300, negatives=2)
    assert list(found["seconds"]) == ["rows", "fit_wide", "wide_ids", "fit_deep", "deep_inputs"]
    assert found["rows"] == 3 * len(log_features.made_up_log(40, 30, 300)) and found["peak GiB"] > 0.1


@pytest.mark.parametrize("page", report.PAGES, ids=lambda path: path.parent.name)
def test_writing_the_pages_anew_changes_nothing(page):
    text = page.read_text(encoding="utf-8")
    assert report.rendered(text, report.tables()) == text, "run `make report`"


def test_the_first_pages_results_are_our_models_and_the_best_of_the_others():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (0\.\d{4}|) \| (0\.\d{4}|) \| (\d\d\.\d\d ± .+?|) \|$", readme, re.M)
    assert len(rows) == 8
    census = {name: (float(auc), float(loss)) for name, auc, loss, _ in rows if auc}
    for name, (auc, loss) in census.items():
        run = next(run for key, run in RUNS.items() if report.NAMES[key] == name)
        assert (auc, loss) == (round(mean(run["auc"]), 4), round(mean(run["log_loss"]), 4))
    ours = [name for name in RUNS if name.startswith(("wide", "deep", "ensemble", "tf_estimator", "classic"))]
    others = {report.NAMES[name]: mean(RUNS[name]["auc"]) for name in RUNS if name not in ours}
    assert set(sorted(others, key=others.get)[-2:]) <= set(census), "the strongest are not left out"
    scores = {name: float(score.split(" ")[0]) for name, _, _, score in rows if score}
    tuned = {kind: VISITS[name] for kind, name in visits.TUNED.items()}  # with settings of their own
    measured = {key: VISITS[key] for key in visits.MODELS} | tuned
    runs = {report.NAMES[key]: mean(run["all_but_1"]) for key, run in measured.items()}
    assert scores == {name: round(runs[name], 2) for name in scores}
    assert set(sorted(runs, key=runs.get)[-5:]) == set(scores)


def test_the_papers_own_system_takes_the_same_steps_and_keras_optimizers_do_not():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    measured = json.loads((ROOT / "benchmarks" / "estimator.json").read_text())
    assert measured["steps"] == estimator.STEPS == [50, 1000]
    parts = {"wide_weights", "embeddings", "hidden_layers", "probabilities"}
    assert set(measured["ours"]) == set(measured["keras"]) == parts
    for part in parts:
        ours, keras = measured["ours"][part], measured["keras"][part]
        assert ours[0] < 1e-6 and all(near < far / 5 for near, far in zip(ours, keras)), part
    assert measured["keras"]["wide_weights"][0] > 1000 * measured["ours"]["wide_weights"][0]
    assert measured["zeros"]["ours"] == measured["zeros"]["tf.estimator"] != measured["zeros"]["keras"]


def test_each_search_kept_its_twenty_trials_and_took_the_one_with_the_lowest_held_out_loss(census_rows):
    searches = json.loads((ROOT / "benchmarks" / "tuned.json").read_text())
    assert list(tune.RANGES) == [name for name in adult.MODELS if name.endswith("_tuned")]
    assert list(searches) == [name for name in tune.RANGES if name in searches]
    assert {name for name in RUNS if name.endswith("_tuned")} <= set(searches)
    for name, search in searches.items():
        random, losses = np.random.default_rng(0), [trial["log_loss"] for trial in search["trials"]]
        assert len(losses) == tune.TRIALS == 20 and len(set(losses)) > 15
        for trial in search["trials"]:
            settings = tune.drawn(tune.RANGES[name], random)
            found = {key for key in settings if trial["settings"][key] != settings[key]}
            assert found <= {"n_estimators", "iterations"}, "only the number of trees is found by training"
            assert all(trial["settings"][key] <= settings[key] for key in found)
        lowest = search["trials"][int(np.argmin(losses))]["settings"]
        assert search["best"] == {key: value for key, value in lowest.items() if key != "patience"}
        assert adult.tuned_settings(name) == search["best"]
    assert adult.tuned_settings("lightgbm") == {} and len(census_rows[0]) - adult.N_FIT == 6_561


def test_settings_are_drawn_from_their_ranges():
    random = np.random.default_rng(1)
    ranges = {"rate": (0.01, 1.0), "leaves": (8, 128), "units": [[4], [8, 4]]}
    made = [tune.drawn(ranges, random) for _ in range(300)]
    assert all(0.01 <= each["rate"] <= 1 and 8 <= each["leaves"] <= 128 for each in made)
    assert all(isinstance(each["leaves"], int) and each["units"] in ranges["units"] for each in made)
    assert 0.07 < np.median([each["rate"] for each in made]) < 0.14, "the middle of a logarithmic scale"
    trial = {"settings": {"rate": 0.1, "patience": 50}, "log_loss": 0.3}
    assert tune.best([{"settings": {"rate": 0.2}, "log_loss": 0.4}, trial]) == {"rate": 0.1}


def test_the_beginners_recipe_was_run_with_each_setting():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    runs = json.loads((ROOT / "benchmarks" / "joint_training.json").read_text())
    assert list(runs) == ["batch size"] and list(runs["batch size"]) == list(joint_training.SETTINGS)
    assert all(len(values) == 4 for losses in runs["batch size"].values() for values in losses.values())


RETRIEVAL = json.loads((ROOT / "benchmarks" / "retrieval.json").read_text())


def test_the_first_stage_has_three_sizes_and_ten_draws():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    assert list(RETRIEVAL["items"]) == [str(n) for n in first_stage.SIZES]
    for found in [*RETRIEVAL["items"].values(), RETRIEVAL["easier"]]:
        assert [point["effort"] for point in found["curve"]] == first_stage.EFFORTS
        recalls = [point["recall_at_100"] for point in found["curve"]]
        assert recalls == sorted(recalls) and recalls[0] > 0 and recalls[-1] <= 1
        (chosen,) = [point for point in found["curve"] if point["effort"] == found["ann_effort"]]
        assert (chosen["ms"], chosen["recall_at_100"]) == (found["ann_ms"], found["ann_recall_at_100"])
    assert {name: len(draws) for name, draws in RETRIEVAL["two_towers"].items()} == {"logq": 10, "plain": 10}


def test_an_index_answers_sooner_where_there_are_many_items():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    million = RETRIEVAL["items"]["1000000"]
    assert million["ann_recall_at_100"] > 0.9 and million["ann_ms"] < 0.7 * million["exact_ms"]
    easier = RETRIEVAL["easier"]
    assert easier["ann_recall_at_100"] > 0.95 and easier["ann_ms"] < 0.2 * easier["exact_ms"]


def test_the_correction_finds_more_in_every_draw():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    assert min(RETRIEVAL["two_towers"]["logq"]) > max(RETRIEVAL["two_towers"]["plain"]) + 0.1


def test_drawn_vectors_lie_around_their_interests():
    items, queries = first_stage.drawn_vectors(2_000)
    assert items.shape == (2_000, 64) and queries.shape == (200, 64) and items.dtype == "float32"
    assert np.std(items) == pytest.approx(2**0.5, abs=0.1) and len(np.unique(items, axis=0)) == 2_000
    assert len(np.unique(first_stage.drawn_vectors(2_000, noise=0)[0], axis=0)) == 20  # a point for each hundred items


def test_off_policy_estimates_are_right_on_average_and_their_intervals_hold_the_truth():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    measured = json.loads((ROOT / "benchmarks" / "offpolicy.json").read_text())
    assert measured["logs"] >= 200 and list(measured["exploration"]) == [
        f"{share:g}" for share in offpolicy.EXPLORATION
    ]
    own = measured["exploration"]["0.05"]
    assert measured["ips"] == own["ips"] and measured["snips"] == own["snips"]
    for share, point in measured["exploration"].items():
        for name in ("ips", "snips"):
            assert abs(point[name]["bias"]) < 3 * point[name]["bias_error"], (share, name)
            assert 0.89 < point[name]["coverage"] <= 1, (share, name)
        assert point["snips"]["half_width"] < point["ips"]["half_width"]
        assert point["same place"]["bias"] < -1, "what the old policy never does cannot be estimated"
        assert {len(values) for values in point["drawn"].values()} == {offpolicy.DRAWN}
    widths = [point["ips"]["half_width"] for point in measured["exploration"].values()]
    installs = [point["installs"] for point in measured["exploration"].values()]
    assert widths == sorted(widths, reverse=True) and installs == sorted(installs, reverse=True)


def test_the_remedies_of_position_bias_were_tried_in_ten_stores():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    measured = json.loads((ROOT / "benchmarks" / "position.json").read_text())
    names = [name + how for how in ("", ", shuffled") for name in position_benchmark.REMEDIES]
    assert list(measured["installs"]) == names
    runs = {**measured["installs"], **measured["control"]}
    assert {len(installs) for installs in runs.values()} == {10}
    for name, installs in runs.items():
        assert np.less_equal(installs, measured["control"]["truth"]).all(), name
    for name in ("product model", "shallow tower"):
        gains = np.divide(measured["installs"][name], measured["installs"]["no remedy"])
        assert gains.min() > 1 and ahead(measured["installs"]["position as a feature"], measured["installs"][name]) > 3
    learned = np.array(measured["examination"]["product model"])
    assert np.abs(learned.mean(axis=0) - position_benchmark.EXAMINED).max() < 0.12
    assert np.less(measured["page"]["shuffled"], measured["page"]["as it is"]).all(), "shuffling costs installs"


GRID = json.loads((ROOT / "benchmarks" / "planted.json").read_text())


def ahead(one, other):
    """By how many standard errors of the paired differences a list of ten errors is smaller than another."""
    differences = np.subtract(other, one)
    return differences.mean() / (differences.std(ddof=1) / len(differences) ** 0.5)


def test_the_grid_has_ten_logs_of_each_model_and_the_settings_that_were_chosen_on_others():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    assert not set(grid_benchmark.CHOSEN_ON) & set(grid_benchmark.REPORTED)
    assert list(GRID["settings"]) == list(GRID["errors"])
    assert list(GRID["strength"]) == [f"{rate:g}, {l1:g}" for rate, l1 in grid_benchmark.STRENGTHS] + ["Adam"]
    runs = [*GRID["errors"].values(), *GRID["weights"].values()]
    runs += [found[group] for found in GRID["strength"].values() for group in ("errors", "weights")]
    for kinds in runs:
        assert {kind: len(values) for kind, values in kinds.items()} == dict.fromkeys(pictures.PAIR_KINDS, 10)
    for name, used in {"wide": "wide", "deep": "deep", "wide & deep": "wide_deep"}.items():
        settings = GRID["settings"][name]["settings"]
        known = zip(settings, planted_log.SETTINGS[used], strict=True)
        assert all(chosen is None or chosen == value for chosen, value in known), name


def test_wide_and_deep_is_ahead_on_the_grid_but_on_exceptions_where_wide_is_slightly_better():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    errors = GRID["errors"]
    joint = errors["wide & deep"]
    for rival in ("wide", "wide, long", "deep", "deep, long"):
        for kind in ("never shown", "usual"):
            assert ahead(joint[kind], errors[rival][kind]) > 5, (rival, kind)
            assert all(ours < theirs for ours, theirs in zip(joint[kind], errors[rival][kind])), (rival, kind)
    for rival in ("deep", "deep, long"):
        assert ahead(joint["exception"], errors[rival]["exception"]) > 5, rival
    for rival in ("wide", "wide, long"):
        assert ahead(errors[rival]["exception"], joint["exception"]) > 2
        assert mean(joint["exception"]) - mean(errors[rival]["exception"]) < 0.02
        assert min(errors[rival]["never shown"]) > 0.35, "worse than the same probability for every pair"
    assert min(errors["deep"]["exception"]) > 0.35
    assert ahead(errors["deep"]["never shown"], errors["deep, long"]["never shown"]) > 5, "overfitting"


def test_l1_keeps_the_rule_out_of_the_crosses_and_that_helps_pairs_never_shown():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    strict, none = GRID["strength"]["10, 0.6"], GRID["strength"]["10, 0"]
    assert max(strict["weights"]["usual"]) < 0.05 < 1 < min(none["weights"]["usual"])
    assert min(strict["weights"]["exception"]) > 2
    for kind in ("never shown", "usual"):  # on exceptions the difference is less than two standard errors
        assert ahead(strict["errors"][kind], none["errors"][kind]) > 5, kind
    assert strict["errors"] == GRID["errors"]["wide & deep"], "the same settings and seeds give the same models"


def test_a_small_rate_also_keeps_the_rule_out_of_the_crosses_but_slows_the_exceptions():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    both, high, low = (GRID["strength"][name] for name in ("10, 0.6", "10, 0", "1, 0"))
    assert mean(low["weights"]["usual"]) < mean(high["weights"]["usual"]) / 3
    assert ahead(low["errors"]["never shown"], high["errors"]["never shown"]) > 5
    for kind in pictures.PAIR_KINDS:
        assert ahead(both["errors"][kind], low["errors"][kind]) > 5, kind


def test_crosses_that_are_trained_afterwards_learn_exceptions_and_leave_the_rest_as_it_was():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    afterwards, joint = GRID["errors"]["crosses afterwards"], GRID["errors"]["wide & deep"]
    assert mean(afterwards["exception"]) < mean(joint["exception"])
    for kind in ("never shown", "usual"):
        assert ahead(joint[kind], afterwards[kind]) > 5, kind
    assert abs(mean(afterwards["never shown"]) - mean(GRID["errors"]["deep"]["never shown"])) < 0.005


def test_crosses_that_are_trained_afterwards_start_from_the_deep_models_logit():
    _, _, wide, deep, inputs, _ = grid_benchmark.parts(100)
    inputs = {name: values[:50] for name, values in inputs.items()}
    alone, joint = wdl.deep_model(deep, **grid_benchmark.SIZES), wdl.wide_deep_model(wide, deep, **grid_benchmark.SIZES)
    alone.get_layer("logit").set_weights([np.array([0.5])])
    grid_benchmark.freeze_all_but_the_wide_weights(joint, {layer.name: layer.get_weights() for layer in alone.layers})
    assert np.array_equal(wdl.predict(joint, inputs), wdl.predict(alone, inputs))
    assert [weight.shape for weight in joint.trainable_weights] == [(wide["n_ids"], 1)]


def test_the_settings_of_the_grids_models_do_not_stand_at_the_edge_of_what_was_tried():
    """But for an L1 of 0, which has nothing below it."""
    for name, how in GRID["settings"].items():
        grid = grid_benchmark.GRIDS[how["kind"], how["epochs"]]
        for chosen, tried in zip(how["settings"], zip(*grid, strict=True), strict=True):
            assert chosen in (None, 0) or min(tried) < chosen < max(tried), (name, chosen)


def test_the_means_of_the_grid_are_by_kind_of_pair():
    runs = [{"exception": 5.0, "never shown": 7.0, "usual": 2.0}, {"exception": 1.0, "never shown": 0.0, "usual": 3.0}]
    assert grid_benchmark.as_lists(runs) == {"exception": [5.0, 1.0], "never shown": [7.0, 0.0], "usual": [2.0, 3.0]}


@pytest.mark.parametrize("name", ["requirements.txt", "estimator_requirements.txt", "backends_requirements.txt"])
def test_the_other_libraries_are_pinned(name):
    lines = (ROOT / "benchmarks" / name).read_text().splitlines()
    assert all(re.fullmatch(r"#.*|[\w-]+==[\w.]+", line) for line in lines)


# ------------------------------------------------------------------------------------------------- scripts


def test_a_models_entry_has_the_scores_of_each_seed():
    truth = np.array([1, 0, 1, 0])
    entry = adult.result(truth, np.array([[0.9, 0.1, 0.8, 0.2], [0.4, 0.6, 0.9, 0.1]]), [1.234, 5])
    assert entry["auc"] == [1.0, 0.75] and entry["accuracy"] == [1.0, 0.5] and entry["seconds"] == [1.23, 5]
    assert entry["log_loss"][0] == pytest.approx(-np.log([0.9, 0.9, 0.8, 0.8]).mean(), abs=1e-6)


def test_the_scripts_models_run_and_the_ensemble_is_the_mean_of_its_members(census_rows):
    train, test = census_rows[0][:300], census_rows[1][:200]
    runs = {**adult.neural(train, test), **adult.scikit_learn(train, test)}
    assert {"wide", "deep", "ensemble", "logistic_regression"} <= set(runs)
    (wide, _), (deep, _), (both, _) = (runs[name](0) for name in ("wide", "deep", "ensemble"))
    assert np.allclose(both, (wide + deep) / 2) and not np.allclose(wide, deep)
    assert adult.result(adult.labels(test), [runs["logistic_regression"](0)[0]], [1])["auc"][0] > 0.7


def test_the_ablation_is_as_the_page_sums_it_up():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    runs = json.loads((ROOT / "benchmarks" / "ablation.json").read_text())
    assert list(runs) == list(ablation.VARIANTS)
    worth = {
        score: {name: 1000 * (mean(run[score]) - mean(runs["as it is"][score])) for name, run in runs.items()}
        for score in report.SCORES
    }
    first, second, third, *rest = sorted(worth["log_loss"], key=worth["log_loss"].get, reverse=True)
    assert (first, second, third) == ("capital not as ids", "no crosses", "no cosine decay")
    assert sorted(worth["auc"], key=worth["auc"].get)[:3] == [first, second, third]
    assert worth["accuracy"][second] > 0 and worth["accuracy"][third] > 0
    assert all(abs(worth[score][name]) < 1 for score in worth for name in rest)
    exact = [a - b for a, b in zip(runs["Keras' own FTRL and Adam"]["auc"], runs["as it is"]["auc"])]
    assert abs(mean(exact)) < stdev(exact)


def test_the_ablations_first_variant_is_the_recipe(census_rows):
    assert next(iter(ablation.VARIANTS.values())) == {}
    train = census_rows[0][:500]
    recipe = census.training("wide_deep", len(train))
    assert (recipe["epochs"], recipe["batch_size"]) == (ablation.EPOCHS, ablation.BATCH_SIZE)
    for expected, mine in zip(settings(recipe["optimizer"]), settings(ablation.joint(len(train)))):
        assert mine == expected
    assert ablation.RECIPE["wide"](train)["vocabulary"] == census.wide_features(train)["vocabulary"]
    assert ablation.RECIPE["deep"](train)["vocabulary"] == census.deep_features(train)["vocabulary"]


def settings(joint):
    """Class and settings of each optimizer inside a joint one, their running names left out."""
    joint.build([keras.Variable(np.zeros(2), name="v")])
    assert len(joint.optimizers) == 2
    return [(type(optimizer), {**optimizer.get_config(), "name": ""}) for optimizer in joint.optimizers]


def test_each_of_the_ablations_variants_changes_something():
    features = {name: {**ablation.RECIPE, **variant} for name, variant in ablation.VARIANTS.items()}
    for name, variant in list(features.items())[1:]:
        assert any(variant[part] != ablation.RECIPE[part] for part in variant), name


def test_shuffled_labels_leave_everything_else(census_rows):
    shuffled = leak_checks.shuffled_labels(census_rows[0], seed=0)
    assert shuffled["income"].value_counts().equals(census_rows[0]["income"].value_counts())
    assert abs(np.corrcoef(adult.labels(shuffled), adult.labels(census_rows[0]))[0, 1]) < 0.03
    assert shuffled.drop(columns="income").equals(census_rows[0].drop(columns="income"))


def test_a_fresh_split_has_the_same_rows_and_shares(census_rows):
    train, test = leak_checks.fresh_split(*census_rows, seed=0)
    assert (len(train), len(test)) == (len(census_rows[0]), len(census_rows[1]))
    assert adult.labels(train).mean() == pytest.approx(adult.labels(test).mean(), abs=1e-4)
    before, after = (pd.concat(pair).value_counts(sort=False).sort_index() for pair in (census_rows, (train, test)))
    assert after.equals(before)
    assert not test.equals(census_rows[1])


# -------------------------------------------------------------------------------------------- significance


def test_a_drawn_auc_is_scikit_learns_with_the_counts_as_weights():
    random = np.random.default_rng(0)
    truth, probabilities = random.integers(0, 2, 60), random.integers(0, 10, 60) / 10  # many ties
    counts = significance.row_counts(60, 8, random)
    assert counts.shape == (8, 60) and (counts.sum(axis=1) == 60).all()
    expected = [roc_auc_score(truth, probabilities, sample_weight=count) for count in counts]
    assert np.allclose(significance.drawn_auc(truth, probabilities, counts), expected)


def test_drawn_scores_of_each_row_once_are_the_scores(census_rows):
    truth, probabilities = adult.labels(census_rows[1][:300]), np.random.default_rng(1).random((2, 300))
    drawn = significance.drawn_scores(truth, probabilities, np.ones((1, 300), dtype=int))
    entry = adult.result(truth, probabilities, [])
    for score in significance.SCORES:
        assert np.allclose(drawn[score][0], entry[score], atol=1e-6), score


def test_p_values_worked_out_by_hand():
    random = np.random.default_rng(0)
    other = np.zeros((9, 1))
    ahead = np.array([[1, 1, 1, 1, 1, 1, 1, 1, -1.0]]).T
    assert significance.paired_test(ahead, other, random)["p"] == 2 * (1 + 1) / (
        9 + 1
    )  # one draw of nine is against it
    assert significance.paired_test(other - 1, other, random) == {"low": -1, "high": -1, "p": 2 / 10}
    assert significance.paired_test(other, other, random)["p"] == 1


def test_p_is_small_for_a_true_difference_and_not_for_none():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 2000)
    good, twin = (np.clip(truth + random.normal(0, 0.7, (3, 2000)), 0, 1) for _ in range(2))
    poor = np.clip(truth + random.normal(0, 1.2, (3, 2000)), 0, 1)
    counts = significance.row_counts(2000, 200, random)
    auc = {
        n: significance.drawn_scores(truth, p, counts)["auc"]
        for n, p in [("good", good), ("twin", twin), ("poor", poor)]
    }
    assert significance.paired_test(auc["good"], auc["poor"], random)["p"] < 0.02
    assert significance.paired_test(auc["good"], auc["twin"], random)["p"] > 0.05


# -------------------------------------------------------------------------------------------------- report


def test_only_what_stands_between_a_tables_comments_is_replaced():
    page = "before\n<!-- a -->\nold\n<!-- end of a -->\nafter <!-- b -->\nkept\n<!-- end of b -->\n"
    assert report.rendered(page, {"a": "new"}) == page.replace("old", "new")
    with pytest.raises(ValueError, match="end of a"):
        report.rendered("<!-- a -->\nold\n", {"a": "new"})


def test_a_request_takes_from_the_moment_when_it_came_until_its_answer():
    """A worker that needs 20 ms, and thrice as many requests as it can answer: the last waits for all before it."""
    answered = []

    def answer(batch):
        time.sleep(0.02)
        answered.append(batch)

    taken = open_loop.open_loop(answer, range(30), rate=150, workers=1)
    assert answered == [[i] for i in range(30)] and len(taken) == 30
    assert min(taken) >= 20 and taken[-1] >= 30 * 20 - 1000 * 30 / 150


@pytest.mark.parametrize("workers", [1, 2])
def test_a_batch_takes_what_waits_and_no_more_than_it_may(workers):
    sizes = []

    def answer(batch):
        time.sleep(0.02)
        sizes.append(len(batch))

    assert len(open_loop.open_loop(answer, range(40), rate=2000, workers=workers, most_at_once=4)) == 40
    assert sum(sizes) == 40 and max(sizes) == 4


def test_the_load_is_a_column_a_setting():
    points = [("a", 10, 4.4, 9.6), ("a", 20, 5.0, 30.0), ("b", 10, 3.0, 4.0)]
    load = [dict(zip(["setting", "rate", "p50_ms", "p99_ms"], point)) for point in points]
    assert report.load_table({"load": load}).splitlines()[2:] == ["| 10 | 4 · 10 | 3 · 4 |", "| 20 | 5 · 30 |  |"]


def test_the_tables_say_what_the_numbers_are():
    tests = {"wide_deep > deep": {s: {"difference": 0.0012, "low": 0, "high": 1, "p": 0.001} for s in report.SCORES}}
    assert "| wide & deep against deep | +0.0012 (p = 0.001) |" in report.significance_table(tests)
    runs = {"as it is": [0.5, 0.5], "less": [0.499, 0.497]}
    runs = {name: dict.fromkeys(report.SCORES, values) for name, values in runs.items()}
    assert "| less | -2.0 ± 1.4 |" in report.ablation_table(runs)
    times = {name: [{"median": ms, "low": 0, "high": 0}] for name, ms in {"ours": 0.2, "Keras": 3012.0}.items()}
    scaling = {"ids": [10_000], "ms": times, "memory_ms": {"small": times["ours"]}, "kernel_ms": times["ours"]}
    assert "| 10,000 | 0.20 | 3,012.00 | 0.20 | 0.20 |" in report.scaling_table(scaling)
    dense = {"dense": [{"ids": 200_000, "gigabytes": 26.05, "ours": 2.0, "dense": None}]}
    assert "| 200,000 | 26.1 | 2.00 | does not fit |  |" in report.dense_table(dense)
