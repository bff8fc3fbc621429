"""What models say of each item of a catalogue, checked pair by pair."""

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from recommender import catalogue, ranking
from recommender.datasets import visits

import numpy as np
import pytest
from scipy.special import logit


@pytest.fixture(scope="module")
def visit_frames():
    return visits.load_visits()


def titled(areas):
    return visits.with_words(areas, visits.title_words(areas))


def test_places_of_several_models_are_those_of_each(visit_frames):
    train, test, areas = visit_frames
    rows = visits.visit_rows(train[train["user"] < 10_300], areas, negatives=2)
    wide, deep = visits.wide_features(rows), visits.deep_features(rows)
    models = {kind: visits.build_model(kind, wide, deep) for kind in ("wide", "deep")}
    wdl.train(models["wide"], wdl.joint_inputs(rows, wide, deep), rows["label"], **visits.training("wide", 99))
    queries = visits.held_out_visits(test).head(400)[::-1]
    found = catalogue.model_ranks(models, queries, titled(areas), wide, deep, item="area", others="visited")

    def score(block):
        frame = visits.with_words(ranking.candidates(block, "area", areas["area"]), visits.title_words(areas))
        return wdl.predict(models["wide"], wdl.joint_inputs(frame, wide, deep)).reshape(len(block), -1)

    expected = ranking.held_out_ranks(queries, "area", "visited", areas["area"], score)
    assert found.index.equals(queries.index) and np.allclose(found["wide"], expected)
    assert found["wide"].mean() < found["deep"].mean()  # the deep model was not trained


def test_places_do_not_depend_on_how_high_all_logits_are(visit_frames):
    train, test, areas = visit_frames
    rows = visits.visit_rows(train[train["user"] < 10_100], areas, negatives=2)
    wide, deep = visits.wide_features(rows), visits.deep_features(rows)
    model = visits.build_model("wide", wide, deep)
    weights = np.random.default_rng(1).integers(-16, 16, (len(wide["vocabulary"]) + 1, 1)) / 16  # exact in any sum
    model.get_layer("wide_weights").set_weights([weights])
    queries = visits.held_out_visits(test).head(100)
    found = []
    for intercept in (0.0, 64.0):  # the probabilities of the second are all 1
        model.get_layer("logit").set_weights([np.array([intercept])])
        found += [
            catalogue.model_ranks({"it": model}, queries, titled(areas), wide, deep, item="area", others="visited")
        ]
    assert np.ptp(found[0]["it"]) > 10 and found[0].equals(found[1])


def test_what_models_say_of_new_areas_has_a_line_for_each_visitor_with_another_area(visit_frames):
    train, test, areas = visit_frames
    new = areas.sample(30, random_state=4)
    old = areas.drop(new.index)
    log = train[(train["user"] < 10_400) & train["area"].isin(old["area"])]
    rows = visits.visit_rows(log, old, negatives=2)
    wide, deep = visits.wide_features(rows), visits.deep_features(rows)
    models = {kind: visits.build_model(kind, wide, deep) for kind in ("wide", "deep")}
    arrays = wdl.joint_inputs(rows, wide, deep)
    for kind, model in models.items():
        wdl.train(model, arrays, rows["label"], **visits.training(kind, len(rows), epochs=1))
    some = test[test["user"] < 110_500]
    names = {"user": "user", "item": "area", "others": "visited"}
    visited, logits = catalogue.new_item_logits(models, some, titled(new), wide, deep, **names)

    asked = some[some["area"].isin(old["area"])].groupby("user")["area"].agg(list)
    own = some.groupby("user")["area"].agg(set)
    for line, user in list(enumerate(asked.index))[::40]:
        assert visited[line].tolist() == [area in own[user] for area in new["area"]]
        frame = visits.with_words(new[["area"]].assign(visited=[asked[user]] * len(new)), visits.title_words(areas))
        said = logit(wdl.predict(models["deep"], wdl.joint_inputs(frame, wide, deep)))
        assert np.allclose(logits["deep"][line], said, atol=1e-5)
    assert logits["deep"].shape == visited.shape == (len(asked), 30)
    assert np.ptp(logits["wide"]) == 0 and np.ptp(logits["deep"]) > 0.1  # the wide part knows none of these areas
    models["wide"].get_layer("logit").set_weights([np.array([100.0])])
    _, logits = catalogue.new_item_logits({"wide": models["wide"]}, some, titled(new), wide, deep, **names)
    assert (logits["wide"] == 100).all()  # its probability is 1, whose logit is infinite


def test_nobody_to_tell_apart_is_said(visit_frames):
    _, test, areas = visit_frames
    one = test[test["user"] == 110_001]
    with pytest.raises(ValueError, match="No user has both a new area and another one"):
        catalogue.new_item_logits({}, one, areas.iloc[:0], {}, {}, user="user", item="area", others="visited")


def test_the_auc_of_each_area_by_hand_and_what_a_visitors_activity_adds():
    visited = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]])
    scores = np.array([[3.0, 0, 1], [1, 2, 1], [2, 1, 1], [2, 0, 1]])
    found = catalogue.item_aucs(visited, scores)
    assert found[:2].tolist() == [3.5 / 4, 1.0] and np.isnan(found[2])
    # The same for all areas, and 0.1 + 0.1 + 0.1 is not 0.3.
    activity = np.array([[0.3], [0.3], [0.9], [0.1]]) * np.ones(3)
    raw = catalogue.item_aucs(visited, activity)
    beyond = catalogue.item_aucs(visited, catalogue.beyond_visitor(activity))
    assert (raw[:2] > 0.8).all() and beyond[:2].tolist() == [0.5, 0.5]
    both = catalogue.item_aucs(visited, catalogue.beyond_visitor(scores + 100 * activity))
    assert both[:2].tolist() == catalogue.item_aucs(visited, catalogue.beyond_visitor(scores))[:2].tolist()
