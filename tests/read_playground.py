"""Try the playground as its visitors do, in a real browser, from the folder: `make play-test`. Needs chromium.

Its trainer is held to NumPy references of the published algorithms and to the course's helpers, from the same first
weights, rows and order. What a person should look at is in build/play-screenshots/.
"""

import json
import pathlib
import re
import time
from statistics import mean, median, stdev

import wdl_helpers as wdl

from laws import NumpyAdam, NumpyFtrl, sigmoid

# isort: split
import keras
import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import chromium
from playwright.sync_api import sync_playwright
from read_book import watched

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = (ROOT / "playground" / "index.html").as_uri()
SCREENSHOTS = ROOT / "build" / "play-screenshots"
RUNS = json.loads((ROOT / "benchmarks" / "playground.json").read_text())
MODELS = ["wide", "deep", "joint"]
KINDS = ["usual", "exception", "never shown"]  # in the order of the page's numbers
USER = 1  # the first user's id in the page's wide part; then the apps, then the crosses
APP = USER + 24
CROSS = APP + 24
STEPS = 200

# The trainer's own words: the rows, the order and the first weights, and what is there after some steps.
TRAINED = """([steps, l1]) => {
  const settings = { ...PAPER, seed: 7, l1 };
  const { rowsOf } = trainer.makeBatches(trainer.makeStore(settings), settings.seed);
  const batches = Array.from({ length: steps }, (_, step) => [...rowsOf(step)]);
  const session = trainer.makeSession(settings);
  const plain = weights => Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, [...w]]));
  const first = plain(trainer.firstWeights(settings));
  const after = {};
  for (const mark of [40, steps]) {
    session.advance(mark - session.step);
    const measured = session.measure();
    after[mark] = session.models.map((model, i) => ({
      wide: model.wide && [...model.wide.table], deep: model.deep && plain(model.deep.weights),
      bias: model.bias[0], probabilities: [...measured[i].probabilities],
    }));
  }
  const { pairs, labels, shown } = session.store;
  return { settings, batches, first, after, pairs: [...pairs], labels: [...labels], shown: [...shown] };
}"""
DONE = "() => state.said && !state.running && state.step > 0"


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Open the playground with a state; at the end, nothing was faulty and nothing but its files was asked for."""
    opened = []

    def visit(state="", **options):
        page, faults, requests = watched(browser, **options)
        opened.append((page, faults, requests))
        page.goto(f"{PAGE}#{state}")
        page.wait_for_function("() => state.said")
        return page

    yield visit
    folder = PAGE.rpartition("/")[0]
    for page, faults, requests in opened:
        assert faults == []
        assert [url for url in requests if not url.startswith((folder, "data:", "blob:"))] == []
        page.context.close()


# -------------------------------------------------------------------------------------- is it the same model?


@pytest.fixture(scope="module")
def trained(browser):
    """L1 → what the page's trainer started from and ended with: the paper's case, and one with many crosses."""
    page = browser.new_page()
    page.goto(PAGE)
    yield {l1: page.evaluate(TRAINED, [STEPS, l1]) for l1 in (0.3, 0.01)}
    page.close()


class Reference:
    """A model in NumPy, with what `laws` has of the published optimizers; ids are those of the page."""

    def __init__(self, kind, trained):
        settings = trained["settings"]
        d = settings["size"]
        h = settings["units"]
        first = trained["first"]
        self.kind, self.d = kind, d

        def ftrl(n):
            return NumpyFtrl(np.zeros((n, 1)), settings["rate"], settings["l1"])

        def adam(values, *shape):
            return NumpyAdam(np.reshape(values, shape), settings["adam"])

        self.table = ftrl(CROSS + 576)
        self.vectors = adam(first["vectors"], 49, d)
        self.kernel = adam(first["kernel"], 2 * d, h)
        self.offsets = adam(first["offsets"], 1, h)
        self.output = adam(first["output"], h, 1)
        self.bias = ftrl(1) if kind == "wide" else adam([0.0], 1, 1)

    def forward(self, pairs, shown):
        user, app = np.divmod(np.asarray(pairs), 24)
        cross = np.where(np.asarray(shown)[pairs] > 0, CROSS + np.asarray(pairs), 0)
        self.wide_ids = np.stack([USER + user, APP + app, cross], axis=1)  # (rows, 3)
        self.deep_ids = self.wide_ids[:, :2]
        self.x = self.vectors.w[self.deep_ids].reshape(len(user), 2 * self.d)
        self.a = np.maximum(self.x @ self.kernel.w + self.offsets.w, 0)
        wide = (self.table.w[self.wide_ids, 0] * (self.wide_ids > 0)).sum(axis=1)
        deep = (self.a @ self.output.w)[:, 0]
        return wide * (self.kind != "deep") + deep * (self.kind != "wide") + self.bias.w[0, 0]

    def step(self, pairs, labels, shown):
        g = (sigmoid(self.forward(pairs, shown)) - labels)[:, None] / len(labels)  # (rows, 1)
        if self.kind != "deep":
            known = self.wide_ids > 0
            self.table.step(self.wide_ids[known], np.broadcast_to(g, known.shape)[known][:, None])
        if self.kind != "wide":
            back = g * self.output.w[:, 0] * (self.a > 0)  # (rows, hidden)
            pieces = (back @ self.kernel.w.T).reshape(-1, self.d)
            steps = (self.kernel, self.x.T @ back), (self.offsets, back.sum(axis=0)[None]), (self.output, self.a.T @ g)
            self.vectors.step(self.deep_ids.ravel(), pieces)
            for optimizer, gradient in steps:
                optimizer.step(range(len(gradient)), gradient)
        self.bias.step([0], g.sum(axis=0)[None])


@pytest.mark.parametrize("l1", [0.3, 0.01])
@pytest.mark.parametrize("index", range(3), ids=MODELS)
def test_weights_and_probabilities_are_those_of_the_numpy_references(trained, index, l1):
    trained = trained[l1]
    pairs, labels = np.array(trained["pairs"]), np.array(trained["labels"])
    reference = Reference(MODELS[index], trained)
    for rows in trained["batches"]:
        reference.step(pairs[rows], labels[rows], trained["shown"])
    model = trained["after"][str(STEPS)][index]
    probabilities = sigmoid(reference.forward(np.arange(576), trained["shown"]))
    assert np.abs(probabilities - model["probabilities"]).max() < 1e-9
    assert abs(reference.bias.w[0, 0] - model["bias"]) < 1e-9
    if model["wide"]:
        assert np.abs(reference.table.w[:, 0] - model["wide"]).max() < 1e-9
        assert np.count_nonzero(model["wide"]) > (300 if l1 == 0.01 else 2)
    for name, weights in (model["deep"] or {}).items():
        assert np.abs(getattr(reference, name).w.ravel() - weights).max() < 1e-9, name


def frames(trained):
    """The log and all pairs, as the course's data frames."""
    user, app = np.divmod(np.arange(576), 24)
    pairs = pd.DataFrame({"user": [f"u{i}" for i in user], "app": [f"a{i}" for i in app]})
    return pairs.iloc[trained["pairs"]].reset_index(drop=True), pairs


@pytest.fixture(params=[("float64", STEPS), ("float32", 40)], ids=lambda precision: precision[0])
def precision(request):
    """Keras' kind of numbers, and for how many steps they can be compared with the page's, which are float64.

    Rounding can open a ReLU here that stays closed there, and from that step on two runs part. So float32 is compared
    early. In float64 Keras still rounds Adam's constants to float32, which is why 1e-9 is asked of NumPy alone.
    """
    before = keras.config.floatx()
    keras.config.set_floatx(request.param[0])
    yield request.param
    keras.config.set_floatx(before)


@pytest.mark.parametrize("index", range(3), ids=MODELS)
def test_weights_and_probabilities_are_those_of_the_courses_helpers(trained, index, precision):
    trained = trained[0.3]
    floats, steps = precision
    log, pairs = frames(trained)
    labels = np.array(trained["labels"], floats)
    wide = wdl.fit_wide(log, ["user", "app", ("user", "app")])
    deep = wdl.fit_deep(log, ["user", "app"], [])
    settings, said = trained["settings"], trained["after"][str(steps)][index]
    sizes = {"embedding_dim": settings["size"], "units": (settings["units"],), "dropout": 0.0}
    ftrl = wdl.Ftrl(float(settings["rate"]), l1_regularization_strength=settings["l1"])
    adam = wdl.Adam(settings["adam"])
    model, optimizer = {
        "wide": lambda: (wdl.wide_model(wide), ftrl),
        "deep": lambda: (wdl.deep_model(deep, **sizes), adam),
        "joint": lambda: (wdl.wide_deep_model(wide, deep, **sizes), wdl.joint_optimizer(wide=ftrl, deep=adam)),
    }[MODELS[index]]()
    names = [f"user=u{i}" for i in range(24)] + [f"app=a{i}" for i in range(24)]
    order = [0, *(deep["vocabulary"][name] for name in names)]  # the helpers' ids, in the page's order
    first = {name: np.array(values) for name, values in trained["first"].items()}
    shapes = {"kernel": (2 * settings["size"], settings["units"]), "output": (settings["units"], 1)}
    if index:
        table = np.empty((49, settings["size"]))
        table[order] = first["vectors"].reshape(49, -1)
        model.get_layer("deep_embeddings").set_weights([table])
        model.get_layer("deep_hidden_1").set_weights([first["kernel"].reshape(shapes["kernel"]), first["offsets"]])
        model.get_layer("deep_logit").set_weights([first["output"].reshape(shapes["output"])])
    model.compile(optimizer, wdl.LogLoss(), jit_compile=False)
    inputs = wdl.joint_inputs(log, wide, deep)
    inputs = {tensor.name: inputs[tensor.name] for tensor in model.inputs}
    for rows in trained["batches"][:steps]:
        model.train_on_batch({name: array[rows] for name, array in inputs.items()}, labels[rows])
    probabilities = wdl.predict(model, wdl.joint_inputs(pairs, wide, deep))
    assert np.abs(probabilities - said["probabilities"]).max() < 1e-4
    assert abs(model.get_layer("logit").get_weights()[0][0] - said["bias"]) < 1e-4
    if said["wide"]:
        crosses = wdl.cross(pairs, ["user", "app"])
        weights = wdl.wide_weights(model, wide).reindex([*names, *crosses]).fillna(0)
        assert np.abs(weights.to_numpy() - said["wide"][1:]).max() < 1e-4
    if said["deep"]:
        theirs = {
            "vectors": model.get_layer("deep_embeddings").get_weights()[0][order],
            "kernel": model.get_layer("deep_hidden_1").get_weights()[0],
            "offsets": model.get_layer("deep_hidden_1").get_weights()[1],
            "output": model.get_layer("deep_logit").get_weights()[0],
        }
        for name, values in theirs.items():
            assert np.abs(values.ravel() - said["deep"][name]).max() < 1e-4, name


@pytest.fixture(scope="module")
def runs(browser):
    """Case → what ten seeds end with when they are played on the page at full speed, with their seconds."""
    page = browser.new_page()
    found = {}
    for case, l1 in (("the paper's case", 0.3), ("no L1", 0)):
        found[case] = []
        for seed in range(10):
            page.goto("about:blank")
            page.goto(f"{PAGE}#seed={seed}&l1={l1}")
            page.check("input[name=speed][value='100000']", force=True)
            start = time.perf_counter()
            page.click("#play")
            page.wait_for_function("() => state.step === 960 && !state.running", timeout=60_000)
            seconds = time.perf_counter() - start
            errors = page.evaluate("() => state.said.map(model => model.errors)")
            sizes = page.evaluate(
                """() => [0, 2].map(i => [0, 1].map(kind => {
                  const pairs = [...state.store.kinds.keys()].filter(pair => state.store.kinds[pair] === kind);
                  return pairs.reduce((sum, pair) => sum + Math.abs(state.said[i].table[49 + pair]), 0) / pairs.length;
                }))"""
            )
            found[case].append({"seconds": seconds, "errors": errors, "sizes": sizes})
    page.close()
    return found


@pytest.mark.parametrize("case", RUNS)
def test_ten_seeds_have_the_errors_that_the_helpers_have(runs, case, capsys):
    with capsys.disabled():
        print(f"\n{case}, ten seeds: {median(run['seconds'] for run in runs[case]):.1f} s (median)")
        for i, model in enumerate(MODELS):
            for k, kind in enumerate(KINDS):
                ours = [run["errors"][i][k] for run in runs[case]]
                theirs = RUNS[case]["errors"][model][kind]
                print(f"  {model:6}{kind:12} page {mean(ours):.3f} ± {stdev(ours):.3f}", end="")
                print(f"   helpers {mean(theirs):.3f} ± {stdev(theirs):.3f}")
                # four times the deviation of a difference of two means of ten
                assert abs(mean(ours) - mean(theirs)) < 4 * ((stdev(ours) ** 2 + stdev(theirs) ** 2) / 10) ** 0.5
                assert min(theirs) < median(ours) < max(theirs), (model, kind)
    assert median(run["seconds"] for run in runs[case]) < 20


def test_without_l1_the_map_fills_up(runs):
    for paper, free in zip(runs["the paper's case"], runs["no L1"]):
        usual, exception = paper["sizes"][1]
        assert exception > 20 * usual
        assert free["sizes"][1][0] > 5 * usual


# ----------------------------------------------------------------------------------------------- fast and small


def test_the_first_paint_comes_within_a_second(visit):
    page = visit()
    paint = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < 1000


def test_the_page_stays_smooth_and_is_done_in_20_seconds_at_its_usual_speed(visit, capsys):
    """At least 30 drawings a second, in the best of three runs: another program may take the processor."""
    page = visit()
    page.evaluate("() => { window.drawn = []; const b = draw; draw = () => { b(); drawn.push(performance.now()); }; }")
    rates = []
    for _ in range(3):
        page.evaluate("() => { drawn = []; }")
        start = time.perf_counter()
        page.click("#play")
        page.wait_for_function("() => state.step === 960 && !state.running", timeout=60_000)
        seconds = time.perf_counter() - start
        rates.append(page.evaluate("() => 1000 * (drawn.length - 1) / (drawn.at(-1) - drawn[0])"))
        page.click("#reset")
        page.wait_for_function("() => state.step === 0 && !state.running")
        assert seconds < 20
        if rates[-1] >= 30:
            break
    with capsys.disabled():
        print(f"\n{rates[-1]:.0f} frames a second, {seconds:.1f} s for 15 epochs at the usual speed")
    assert max(rates) >= 30, rates


def test_with_reduced_motion_it_draws_once_an_epoch(visit):
    page = visit(reduced_motion="reduce")
    page.evaluate("() => { window.drawn = 0; const before = draw; draw = () => { before(); drawn += 1; }; }")
    page.check("input[name=speed][value='256']", force=True)
    page.click("#play")
    page.wait_for_function(DONE, timeout=60_000)
    assert 10 <= page.evaluate("() => drawn") <= 25


# ----------------------------------------------------------------------------------------------------- controls


def step(page):
    return page.evaluate("() => state.step")


def test_play_pause_step_epoch_reset_and_going_on(visit):
    page = visit()
    page.click("#step")
    page.wait_for_function("() => state.step === 1")
    page.click("#epoch")
    page.wait_for_function("() => state.step === 65")
    page.click("#play")
    assert page.inner_text("#play").strip() == "Pause"
    page.wait_for_function("() => state.step > 75")
    page.click("#play")
    page.wait_for_function("() => !state.running")
    page.wait_for_timeout(200)
    paused = step(page)
    page.wait_for_timeout(300)
    assert step(page) == paused
    page.click("#reset")
    page.wait_for_function("() => state.step === 0 && !state.running")
    assert page.evaluate("() => state.said[0].table.every(w => w === 0)")
    page.check("input[name=speed][value='100000']", force=True)
    page.click("#play")
    page.wait_for_function("() => state.step === 960 && !state.running")
    page.wait_for_function("() => document.getElementById('play').innerText.includes('Go on')")
    page.click("#play")
    page.wait_for_function("() => state.step === 1920 && !state.running", timeout=60_000)


def test_the_keyboard_trains_and_walks_through_the_store(visit):
    page = visit()
    page.keyboard.press("s")
    page.wait_for_function("() => state.step === 1")
    page.keyboard.press("e")
    page.wait_for_function("() => state.step === 65")
    page.keyboard.press(" ")
    page.wait_for_function("() => state.running")
    page.keyboard.press("r")
    page.wait_for_function("() => state.step === 0 && !state.running")
    page.focus("#grid [tabindex='0']")
    page.keyboard.press("Home")
    for _ in range(30):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => state.pair") == 25
    page.wait_for_function("() => document.querySelector('#pair .name').innerText === 'u1 × a1'")
    label = page.get_attribute(":focus", "aria-label")
    assert label.startswith("u1 × a1, music user, music app") and "Wide & Deep 5" in label
    kind = page.evaluate("() => state.store.kinds[25]")
    page.keyboard.press("Enter")
    assert page.evaluate("() => state.store.kinds[25]") == (kind + 1) % 3


@pytest.mark.parametrize("speed", ["16", "64", "256", "100000"])
def test_the_speed_can_be_chosen(visit, speed):
    page = visit()
    page.check(f"input[name=speed][value='{speed}']", force=True)
    page.click("#play")
    page.wait_for_function("() => state.step > 20", timeout=10_000)
    page.click("#reset")


def test_every_slider_changes_what_is_trained(visit):
    page = visit("at=64")
    names = page.evaluate("() => Object.keys(SETTINGS)")
    assert page.locator("input[type=range]").count() == len(names) == 10
    for name in names:
        before = page.evaluate("name => [state.settings[name], state.run]", name)
        page.focus(f"#{name}")
        page.keyboard.press("ArrowLeft" if page.evaluate("name => Number(element(name).value)", name) else "ArrowRight")
        after = page.evaluate("name => [state.settings[name], state.run]", name)
        assert after[0] != before[0] and after[1] > before[1], name
        assert page.get_attribute(f"#{name}", "aria-valuetext") == page.inner_text(f"output[for={name}]")
    page.wait_for_function("() => state.step > 0")
    kinds = page.evaluate("() => [1, 2].map(kind => state.store.kinds.filter(k => k === kind).length)")
    assert kinds == [19, 160]
    shapes = page.evaluate("() => [state.said[1].vectors.length, state.store.shown.reduce((a, b) => Math.max(a, b))]")
    assert shapes == [49 * 2, 10]


def test_a_click_goes_round_the_three_kinds_and_changes_no_other_pairs_rows(visit):
    page = visit()
    pair = page.evaluate("() => state.store.kinds.indexOf(0)")
    others = "pair => [...state.store.installs].filter((_, i) => i !== pair)"
    before = page.evaluate(others, pair)
    for kind in (1, 2, 0):
        page.click(f"#cell-{pair}")
        assert page.evaluate("pair => state.store.kinds[pair]", pair) == kind
        assert page.evaluate(others, pair) == before
        assert ("clicks" in page.evaluate("() => toLink(state.settings, state.clicks)")) is (kind != 0)


def test_a_new_seed_is_another_store(visit):
    page = visit()
    before = page.evaluate("() => [...state.store.kinds]")
    page.click("#new-seed")
    assert page.inner_text("#seed") == "1"
    assert page.evaluate("() => [...state.store.kinds]") != before


PRESETS = {
    "The paper's case": "() => state.said[0].errors[2] > state.constant && Math.max(...state.said[2].errors) < 0.1",
    "No exceptions": "() => Math.max(state.said[1].errors[0], state.said[1].errors[2]) < 0.08",
    "Nothing hidden": "() => Math.max(state.said[0].errors[0], state.said[0].errors[1]) < 0.1",
    "No L1": "() => state.said[2].errors[2] > 0.075 && element('sentence').innerText.includes('gaps have suffered')",
    "Few rows": """() => state.said.every(m => !m.table || m.table.slice(49).every(w => w === 0))
      && state.said[0].probabilities.filter(p => p > 0.3 && p < 0.6).length > 576 / 2
      && state.said[0].errors[1] < state.said[1].errors[1] && state.said[2].errors[2] < 0.2""",
    "Deep, ten times as long": "() => state.said[1].errors[1] < 0.2 && state.said[1].errors[2] > 0.1",
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_shows_what_its_sentence_says(visit, name):
    page = visit()
    page.check("input[name=speed][value='100000']", force=True)
    button = page.get_by_role("button", name=name, exact=True)
    button.click()
    page.wait_for_function("() => state.step >= total() && !state.running", timeout=60_000)
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("#presets [aria-pressed=true]").count() == 1
    assert len(page.inner_text("#watch").split()) > 8
    assert page.evaluate(PRESETS[name])


def test_pointing_at_a_square_tells_of_its_pair_and_the_terms_add_up(visit):
    page = visit("at=400")
    page.wait_for_function("() => state.step === 400")
    for canvas in ("p0", "p1", "p2", "w0", "w2"):
        page.evaluate("id => element(id).scrollIntoView({ block: 'center' })", canvas)
        box = page.locator(f"#{canvas}").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.3)
        page.wait_for_timeout(100)
        assert page.inner_text("#pair .name") == "u7 × a21", canvas
        for i, said in enumerate(page.locator("#pair .said").all()):
            terms = said.locator(".terms .line:last-child > span b").all_inner_texts()
            total = float(said.locator(".logit b").inner_text().replace("−", "-"))
            assert len(terms) == [4, 2, 3][i]
            assert abs(sum(float(term.replace("−", "-")) for term in terms) - total) < 0.03
            percent = float(said.locator(".p").inner_text().rstrip("%"))
            assert abs(100 * sigmoid(total) - percent) < 1
            weights = said.locator(".terms .inside b").all_inner_texts()
            assert len(weights) == (3 if i == 2 else 0)
            if i == 2:
                wide = float(terms[0].replace("−", "-"))
                assert abs(sum(float(weight.replace("−", "-")) for weight in weights) - wide) < 0.03
        page.mouse.move(5, 5)
        page.evaluate("() => lookAt(0)")


def test_the_sentence_follows_the_training(visit):
    page = visit()
    page.wait_for_function("() => element('sentence').innerText.includes('Nothing has been trained')")
    page.check("input[name=speed][value='100000']", force=True)
    page.click("#play")
    page.wait_for_function(DONE)
    page.wait_for_function("() => element('sentence').innerText.includes('worse than giving every pair')")
    assert "fills the gaps" in page.inner_text("#sentence")
    assert "right about all of it" in page.inner_text("#sentence")
    assert page.get_attribute("#sentence", "aria-live") == "polite"
    assert "Mean error 0.0" in page.get_attribute("#p2", "aria-label")


@pytest.mark.parametrize(
    "errors, said",
    [
        # usual, exception, never shown, for wide, deep and joint
        ([[0.34, 0.35, 0.35]] * 3, "Wide has found little|Deep has not found|only begun"),
        (
            [[0.07, 0.06, 0.4], [0.05, 0.36, 0.09], [0.04, 0.06, 0.05]],
            "worse than giving every pair the same|still wrong|all of it",
        ),
        (
            [[0.07, 0.06, 0.3], [0.05, 0.12, 0.13], [0.06, 0.06, 0.12]],
            "nothing to say|its gaps have|the gaps have suffered",
        ),
        ([[0.07, None, 0.4], [0.05, None, 0.09], [0.04, None, 0.05]], "worse than|fills the gaps.|all of it"),
        ([[0.07, 0.06, None], [0.05, 0.36, None], [0.04, 0.4, None]], "it was shown.|two groups;|not its exceptions"),
    ],
)
def test_the_sentence_says_what_the_errors_mean(visit, errors, said):
    page = visit()
    text = page.evaluate(
        "errors => sentence(9, errors.map(of => ({ errors: of.map(e => e === null ? NaN : e) })), 0.35)", errors
    )
    assert all(part in text for part in said.split("|")), text
    assert "NaN" not in text
    assert "without a price" not in text


def test_without_l1_the_sentence_says_why_the_gaps_suffer(visit):
    page = visit()
    told = "l1 => sentence(9, Array(3).fill({ errors: [0.06, 0.06, 0.1] }), 0.35, l1)"
    assert "without a price, the crosses took over a part of the rule" in page.evaluate(told, 0)
    assert "the gaps have suffered." in page.evaluate(told, 0.1)


def test_the_pair_at_the_start_shows_the_story_of_the_papers_case(visit):
    """An exception that wide and wide & deep get right after training, and deep gets wrong."""
    page = visit("at=960")
    page.wait_for_function("() => state.step === 960")
    kind, truth, said = page.evaluate(
        "() => [state.store.kinds, state.store.truth, state.said.map(m => m.probabilities[state.pair])]"
        ".map((all, i) => i < 2 ? all[state.pair] : all)"
    )
    wide, deep, joint = (abs(probability - truth) for probability in said)
    assert kind == 1
    assert wide < 0.1 and joint < 0.1 and deep > 0.4
    other = visit("seed=1")
    assert other.evaluate("() => state.store.kinds[state.pair]") == 1


# ----------------------------------------------------------------------------------------- link, tour, looks


def test_a_link_holds_the_whole_state(visit, browser):
    page = visit("l1=0.1&size=2&seed=3", permissions=["clipboard-read", "clipboard-write"])
    pair = page.evaluate("() => state.store.kinds.indexOf(0)")
    page.click(f"#cell-{pair}")
    page.focus("#rows")
    page.keyboard.press("ArrowLeft")
    page.click("#epoch")
    page.click("#step")
    page.wait_for_function("() => state.step === state.perEpoch + 1")
    page.click("#copy")
    page.wait_for_function("() => element('copy').innerText === 'Copied'")
    link = page.evaluate("() => navigator.clipboard.readText()")
    assert link == page.url and re.search(r"clicks=0\.\d+e&at=33$", link), link
    said = "() => [state.settings, state.clicks, state.step, state.said.map(m => [...m.probabilities])]"
    other = visit(link.partition("#")[2])
    other.wait_for_function("() => state.step > 0 && !state.running")
    assert other.evaluate(said) == page.evaluate(said)


def test_another_link_in_the_same_window_is_followed(visit):
    page = visit()
    page.evaluate("() => { location.hash = 'l1=0&at=10'; }")
    page.wait_for_function("() => state.settings.l1 === 0 && state.step === 10")


@pytest.mark.parametrize(
    "link, problem",
    [
        ("rows=7", "rows=7: expected 1, 2, 3, 5, 10, 20, 40."),
        ("exceptions=81", "exceptions=81: expected 0 to 80 by 1."),
        ("seed=-1", "seed=-1: expected a whole number below 10000."),
        ("clicks=3.24e", "“3.24e” is no pair"),
        ("at=x", "at=x: expected a number of steps up to 50000."),
        ("speedd=3", "There is no setting “speedd”."),
        ("l1=", "l1=: expected 0, 0.01"),
    ],
)
def test_what_a_link_gets_wrong_is_said(visit, link, problem):
    page = visit(link)
    assert problem in page.inner_text("#notice")
    assert page.evaluate("() => toLink(state.settings, state.clicks)") == ""


COVERED = """selector => {
  const card = element('card').getBoundingClientRect();
  const box = document.querySelector(selector).getBoundingClientRect();
  return Math.min(card.right, box.right) > Math.max(card.left, box.left)
    && Math.min(card.bottom, box.bottom) > Math.max(card.top, box.top);
}"""
SEEN = """selector => {
  const box = document.querySelector(selector).getBoundingClientRect();
  return box.top >= document.querySelector('.bar').getBoundingClientRect().bottom - 1
    && box.bottom <= element('pair').getBoundingClientRect().top;
}"""


@pytest.mark.parametrize("width", [390, 1024, 1366])
def test_the_tour_has_six_steps_and_can_be_left(visit, width):
    page = visit("l1=0")
    page.set_viewport_size({"width": width, "height": 800})
    page.click("#tour")
    for i in range(6):
        page.wait_for_function("i => element('card').innerText.startsWith(`${i} of 6`)", arg=i + 1)
        page.wait_for_function(SEEN, arg=".lit", timeout=5000)  # it scrolls there smoothly
        page.wait_for_timeout(900)
        box = page.locator("#card").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] >= 0
        assert box["y"] + box["height"] <= page.locator("#pair").bounding_box()["y"]
        assert page.locator(".lit").count() == 1
        assert page.evaluate(SEEN, ".lit") and not page.evaluate(COVERED, ".lit"), "its subject is to be seen"
        if i == 1:
            assert page.evaluate("() => state.settings.l1") == 0.3, "the cards speak of the paper's case"
            page.wait_for_function("() => state.step > 0")
        if i == 2:
            page.wait_for_function(f"() => !({COVERED})('#sentence')", timeout=5000)  # it may just have grown
        if width == 1366 and i == 1:
            assert not page.evaluate(COVERED, ".axes"), "the truth is compared with the predictions"
        if width == 1366 and i == 4:
            assert page.evaluate(SEEN, "#l1") and not page.evaluate(COVERED, "#l1"), "the card speaks of it"
        if width == 1366 and i == 5:
            assert not page.evaluate(COVERED, ".store"), "the card says to click on it"
        page.click("#card .next")
    assert not page.is_visible("#card")
    assert page.evaluate("() => document.activeElement.id") == "tour"
    page.click("#tour")
    page.click("#card .next")
    page.click("#card .back")
    page.keyboard.press("Escape")
    assert not page.is_visible("#card") and page.locator(".lit").count() == 0


def test_dark_and_light_follow_the_system_until_one_is_chosen(visit):
    page = visit(color_scheme="dark")
    theme = "() => document.documentElement.dataset.theme"
    assert page.evaluate(theme) == "dark"
    page.emulate_media(color_scheme="light")
    page.wait_for_function("() => document.documentElement.dataset.theme === 'light'")
    page.click("#theme")
    assert page.evaluate(theme) == "dark"
    page.reload()
    page.wait_for_function("() => state.said")
    assert page.evaluate(theme) == "dark"
    page.evaluate("() => localStorage.clear()")


def test_on_a_phone_a_pair_can_be_changed_and_the_sums_unfolded(visit):
    page = visit("at=64")
    page.set_viewport_size({"width": 390, "height": 844})
    kind = page.evaluate("() => state.store.kinds[state.pair]")
    page.click("#change")
    assert page.evaluate("() => state.store.kinds[state.pair]") == (kind + 1) % 3
    assert not page.is_visible("#pair .terms >> nth=0")
    page.click("#unfold")
    assert page.is_visible("#pair .terms >> nth=0")
    assert page.get_attribute("#unfold", "aria-expanded") == "true"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width, height", [(390, 844), (820, 1180), (1024, 768), (1366, 768), (1920, 1080)])
def test_it_looks_right_at_every_width(visit, width, height, scheme):
    page = visit("at=960", color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function("() => state.step === 960")
    page.wait_for_timeout(300)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    wide = "() => [...document.querySelectorAll('canvas')].filter(c => c.getBoundingClientRect().right > innerWidth)"
    assert page.evaluate(f"() => ({wide})().length") == 0
    options = {"resultTypes": ["violations"], "preload": False}  # it would fetch the style sheet, which a file may not
    violations = Axe().run(page, options=options).response["violations"]
    found = [(v["impact"], v["id"], v["nodes"][0]["html"]) for v in violations]
    assert [each for each in found if each[0] in ("serious", "critical")] == []
    page.screenshot(path=SCREENSHOTS / f"{width}-{scheme}.png")
