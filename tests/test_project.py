"""What holds the project's own files together: its pins, its README, its module."""

import ast
import importlib
import inspect
import json
import pathlib
import re
import subprocess
import sys
import textwrap
import tomllib

import wdl_features
import wdl_helpers
import wdl_reproducible
from recommender import (
    catalogue,
    client,
    comparison,
    folders,
    gate,
    graph,
    input_names,
    lifecycle,
    logs,
    monitoring,
    offpolicy,
    once,
    parquet,
    pictures,
    position,
    protocol,
    ranking,
    raw_columns,
    retrieval,
    server,
    serving,
    shards,
    sql,
)
from recommender.datasets import adult, files, planted, recipes, shop, store_truth, store_week, visits
from recommender.datasets import store as app_store
from wide_deep import (
    backend,
    callbacks,
    checks,
    columns,
    evaluation,
    features,
    models,
    optimizers,
    plain,
    plots,
    quantiles,
    reproducible,
    tables,
    times,
    training,
    vocabularies,
)

import pytest
import yaml
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = [*PROJECT["dependencies"], *EXTRAS["test"], *EXTRAS["course"]]
MODULES = [
    reproducible,
    backend,
    checks,
    tables,
    times,
    quantiles,
    columns,
    vocabularies,
    features,
    plain,
    models,
    optimizers,
    callbacks,
    training,
    evaluation,
    plots,
    pictures,
    logs,
    ranking,
    retrieval,
    offpolicy,
    position,
    files,
    recipes,
    adult,
    planted,
    shop,
    store_truth,
    app_store,
    visits,
    catalogue,
    folders,
    input_names,
    raw_columns,
    graph,
    once,
    serving,
    client,
    protocol,
    server,
    gate,
    lifecycle,
    comparison,
    monitoring,
    store_week,
    parquet,
    sql,
    shards,
]
DOORS = [wdl_reproducible, wdl_features, wdl_helpers]  # at the root: they hand out what stands in wide_deep/
PUBLIC = [
    member
    for module in MODULES
    for name, member in vars(module).items()
    if not name.startswith("_") and getattr(member, "__module__", "") == module.__name__ and callable(member)
]


def test_conda_gets_the_same_versions_as_pip():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    pip = environment["dependencies"][-1]["pip"]
    assert [line for line in pip if not line.startswith("--")] == DIRECT
    assert {"--constraint constraints.txt", "--editable ."} <= set(pip)
    names = {line.split("==")[0] for line in pip}
    assert {"pandas", "matplotlib", "jupyter", "nbval"} <= names and names & {"tensorflow", "tf-nightly"}


def test_every_package_is_pinned_and_the_constraints_agree():
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.match(r"[\w.-]+==[\w.]+( ; .+)?$", line) for line in pins)
    for requirement in [*DIRECT, *EXTRAS["browser"], *EXTRAS["book"]]:
        assert requirement in pins


def test_every_public_name_says_what_it_takes_and_gives():
    """Each argument stands below 'Args:', or by its name in backticks in a docstring of few lines."""
    assert len(PUBLIC) > 20
    for member in PUBLIC:
        said = inspect.getdoc(member)
        assert said, member
        if inspect.isclass(member) and "__init__" not in vars(member):
            continue  # Keras says what its arguments are; at the fields of a tuple or dict stand comments
        for parameter in inspect.signature(member).parameters.values():
            stars = {parameter.VAR_KEYWORD: "**", parameter.VAR_POSITIONAL: "*"}.get(parameter.kind, "")
            name = f"{stars}{parameter.name}"
            described = rf"^    {re.escape(name)}: \S|`{parameter.name}`"
            assert re.search(described, said, re.M), (member.__name__, parameter.name)


def documented(function):
    """The exceptions that a docstring names: below 'Raises:', or in its text if there is no such section."""
    said = inspect.getdoc(function).split("Example:")[0]
    section = re.search(r"^Raises:\n((?:    .*\n?)+)", said, re.M)
    return set(re.findall(r"\b\w+Error\b", section[1] if section else said))


def calls(tree, module):
    """The functions of our modules that are called in some code, other functions inside it left out."""
    for node in ast.walk(tree):
        function = node.func if isinstance(node, ast.Call) else None
        if isinstance(function, ast.Name):
            yield vars(module).get(function.id)
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            room = vars(module).get(function.value.id)
            yield vars(room).get(function.attr) if room in MODULES else None


def raised(function, seen=()):
    """The exceptions that a function raises: by itself, by its private functions, and by what public ones document."""
    module = sys.modules[function.__module__]
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    tree.body[0].body = [node for node in tree.body[0].body if not isinstance(node, ast.FunctionDef)]
    nodes = list(ast.walk(tree))
    found = {
        node.exc.func.id
        for node in nodes
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)
    }
    found = {name for name in found if name.endswith("Error") and not name.startswith("_")}
    types = [node.type for node in nodes if isinstance(node, ast.ExceptHandler) and node.type is not None]
    caught = {node.id for each in types for node in ast.walk(each) if isinstance(node, ast.Name)}
    for called in calls(tree, module):
        if inspect.isfunction(called) and sys.modules[called.__module__] in MODULES and called not in (function, *seen):
            private = called.__name__.startswith("_")
            found |= (raised(called, (*seen, function)) if private else documented(called)) - caught
    return found


ERRORS = """
def public():
    \"\"\"Do it.

    Raises:
        KeyError: it is not there.
        TypeError: it is of another type.
    \"\"\"

def _private():
    raise ValueError("by a private function")

def caller():
    raise OSError("by itself")

def caller_of_private():
    _private()

def caller_of_public():
    try:
        public()
    except TypeError:
        pass

def catcher():
    try:
        _private()
    except ValueError as error:
        raise KeyError("another one") from error

def with_a_function():
    def later():
        raise OSError("not now")
"""


@pytest.fixture
def errors(tmp_path, monkeypatch):
    """A module of functions that raise, or do not."""
    (tmp_path / "errors_of_a_test.py").write_text(ERRORS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("errors_of_a_test")
    monkeypatch.setattr(sys.modules[__name__], "MODULES", [*MODULES, module])
    yield module
    del sys.modules["errors_of_a_test"]


def test_the_errors_of_a_function_are_its_own_and_those_of_its_private_functions(errors):
    assert raised(errors.caller) == {"OSError"}
    assert raised(errors.caller_of_private) == {"ValueError"}
    assert raised(errors.with_a_function) == set()
    assert raised(errors.catcher) == {"KeyError"}


def test_the_errors_of_a_public_function_are_those_that_it_documents_and_nobody_catches(errors):
    assert documented(errors.public) == {"KeyError", "TypeError"}
    assert raised(errors.caller_of_public) == {"KeyError"}


NOT_PASSED_ON = {
    "error_bars": {"ValueError"},  # one panel is always possible
    "read_version": {"KeyError", "TypeError"},  # its row has every column
}


@pytest.mark.parametrize(
    "function",
    # The recipes of the data sets are for frames of these data sets.
    [each for each in PUBLIC if inspect.isfunction(each) and "datasets" not in each.__module__],
    ids=lambda function: f"{function.__module__}.{function.__name__}",
)
def test_a_docstring_names_each_error(function):
    missing = raised(inspect.unwrap(function)) - documented(function) - NOT_PASSED_ON.get(function.__name__, set())
    assert not missing


TAUGHT = [member for member in PUBLIC if "Taught in: " in (inspect.getdoc(member) or "")]


def headings(number):
    """The headings of a notebook."""
    (path,) = ROOT.glob(f"notebooks/{int(number):02}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.findall(r"^#+ (.+)$", text, re.M)


@pytest.mark.parametrize("member", TAUGHT, ids=lambda member: f"{member.__module__}.{member.__name__}")
def test_where_it_is_taught_there_is_a_section_of_that_name(member):
    said = re.search(r"^Taught in: (.+(?:\n.+)*)", inspect.getdoc(member), re.M)[1]
    named = [(number, title) for number, titles in re.findall(r'notebook (\d+), ((?:"[^"]+"(?:,? and )?)+)', said)
             for title in re.findall(r'"([^"]+)"', titles)]  # fmt: skip
    assert named or said == "notebook 1, its first cell.", said
    for number, title in named:
        assert title in headings(number), f"notebook {number} has no section '{title}'"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_module_reads_from_top_to_bottom(module):
    """A function uses what stands above it, or private functions that follow it before the next public one."""
    below = functions_out_of_order(inspect.getsource(module))
    assert not below


def functions_out_of_order(source):
    """Pairs of a function or class and of what it uses too far below."""
    nodes = [node for node in ast.parse(source).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    names = [node.name for node in nodes]
    pairs = []
    for i, node in enumerate(nodes):
        called = {n.func for n in ast.walk(node) if isinstance(n, ast.Call)}
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and (n in called or n.id.startswith("_"))}
        for name in used & set(names[i + 1 :]):
            passed = names[i + 1 : names.index(name) + 1]
            pairs += [(node.name, name)] if not all(each.startswith("_") for each in passed) else []
    return pairs


def test_a_private_function_stands_above_or_right_below_who_uses_it():
    helper = "def _helper(): pass"
    user = "def user(): return map(_helper, [])"
    other = "def other(): pass"
    assert functions_out_of_order("\n".join([helper, other, user])) == []
    assert functions_out_of_order("\n".join([user, helper, other])) == []
    assert functions_out_of_order("\n".join([user, other, helper])) == [("user", "_helper")]
    assert functions_out_of_order("\n".join(["def user(): return other()", other])) == [("user", "other")]


FOLDERS = [".", "wide_deep", "recommender", "recommender/datasets", "tools", "drawings", "course", "course/inside"]


@pytest.mark.parametrize(
    "path", [path for folder in FOLDERS for path in ROOT.glob(f"{folder}/*.py")], ids=lambda path: path.name
)
def test_a_module_is_a_room_and_calls_nothing_private_of_another(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 600
    imported, private = set(), []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            private += [alias.name for alias in node.names if alias.name.startswith("_")]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
            private += [node.attr] if node.attr.startswith("_") else []
    assert not private


def test_every_module_is_installed_and_in_the_order():
    found = [*ROOT.glob("wide_deep/[!_]*.py"), *ROOT.glob("recommender/**/[!_]*.py")]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found]
    assert sorted(names) == sorted(module.__name__ for module in MODULES)
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert sorted(setuptools["py-modules"]) == sorted(path.stem for path in ROOT.glob("wdl_*.py"))
    assert sorted(setuptools["py-modules"]) == sorted(door.__name__ for door in DOORS)
    packages = [*ROOT.glob("recommender/**/__init__.py"), *ROOT.glob("wide_deep/**/__init__.py")]
    assert setuptools["packages"] == sorted(".".join(path.relative_to(ROOT).parent.parts) for path in packages)


SCRIPTS = [path for folder in ("benchmarks", "course", "drawings", "tools") for path in ROOT.glob(f"{folder}/*.py")]
ELSEWHERE = {"colab.py", "peers.py", "spark.py", "tf_estimator.py", "visits_peers.py"}  # where the package is not


def test_there_is_one_way_to_start_a_script():
    """By its module: `python -m tools.seeds`, from the project's folder."""
    names = {path.stem for path in SCRIPTS} - {"__init__"}
    pages = [ROOT / "Makefile", *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/workflows/*.yml")]
    for path in [*SCRIPTS, *pages]:
        for script in re.findall(r"python[\w.]*[')]* (?:benchmarks|course|drawings|tools)/(\w+\.py)", path.read_text()):
            assert script in ELSEWHERE, f"{path.name} starts {script} as a file"
    for path in SCRIPTS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            imported = [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            imported += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert path.name in ELSEWHERE or not names & set(imported), f"{path.name} imports by its own folder"


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_door_holds_nothing_of_its_own(door):
    """It imports names from rooms, and hands out all of them and nothing else."""
    _, *statements, names = ast.parse(inspect.getsource(door)).body
    assert names.targets[0].id == "__all__"
    assert all(isinstance(node, ast.ImportFrom) and node.module.startswith("wide_deep.") for node in statements)
    assert sorted(door.__all__) == sorted(alias.name for node in statements for alias in node.names)


HANDED_ON = {
    "recommender.datasets.store": {"BASE", "LANGUAGES", "install_probability", "make_store"},
    "wide_deep.columns": {"bucket_names", "quantile_boundaries", "quantile_index", "quantile_normalise"},
    "wide_deep.features": {"hash_ids", "vocabulary", "vocabulary_ids", "vocabulary_of_counts"},
}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_all_lists_the_public_functions_and_the_constants_that_others_use(module):
    body = ast.parse(inspect.getsource(module)).body
    functions = {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    public = {name for name in functions if not name.startswith("_")}
    assigned = {node.id for node in ast.walk(ast.Module(body, [])) if isinstance(node, ast.Name)}
    listed = set(module.__all__) - HANDED_ON.get(module.__name__, set())
    assert public <= listed
    assert listed - public <= assigned, "a constant or a type of its own"


@pytest.mark.parametrize("module", [*MODULES, *DOORS], ids=lambda module: module.__name__)
def test_a_module_imports_only_what_another_one_lists(module):
    rooms = {each.__name__: each for each in MODULES}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module in rooms:
            assert {alias.name for alias in node.names} <= set(rooms[node.module].__all__)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_backend_is_imported_before_keras(module):
    """It checks that Keras is there and runs on TensorFlow; who needs neither does not import it."""
    names = set()
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    assert bool(names & {"keras", "tensorflow"}) == ("wide_deep.backend" in names)


def test_modules_stand_above_what_they_import():
    """The order of MODULES: each imports only those before it, and none comes in by a door."""
    names = [module.__name__ for module in [*MODULES, *DOORS]]
    for module in MODULES:
        nodes = list(ast.walk(ast.parse(inspect.getsource(module))))
        used = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                used |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        above = [name for name in used & set(names) if names.index(name) >= names.index(module.__name__)]
        assert not above, (module.__name__, above)


def test_the_workflow_runs_the_commands_of_make_test():
    """Its environment has another name on Windows, so it cannot call make."""
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]["tests"]["steps"]
    said = [re.sub(r"^python -m ", "", step["run"]).split(" #")[0] for step in steps if "run" in step]
    recipe = (ROOT / "Makefile").read_text().split("\ntest: ")[1].split("\n\n")[0]
    made = [line.strip().removeprefix("$(BIN)/").split("  #")[0] for line in recipe.splitlines()[1:]]
    assert said[1:-1] == made[:-1] and "--doctest-modules" in made[-2]
    assert said[-1].startswith("pytest --nbval") and made[-1].startswith("pytest --nbval")


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "notebooks/README.md",
    *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")),
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_the_variables_that_the_makefile_reads(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = re.findall(r"`(make [^`]*)`", (ROOT / page).read_text(encoding="utf-8"))
    named = {name for command in commands for name in re.findall(r"(?<=\s)([A-Z][A-Z0-9]*)=", command)}
    assert not [name for name in named if f"$({name})" not in makefile]


def test_a_kernel_takes_its_command_from_the_private_name_that_the_sandbox_sets():
    spec = KernelSpec(argv=["program"], language="python")
    manager = AsyncKernelManager()
    manager._kernel_spec = spec
    assert manager.kernel_spec is spec, "see course/sandbox.py"


NEEDED = [
    *(("wdl_features", package) for package in reproducible.NEEDED_BY_FEATURES),
    *(("wdl_helpers", package) for package in reproducible.NEEDED_BY_MODELS),
    *(("wdl_helpers", package) for package in reproducible.NEEDED_BY_EVALUATION),
    *(("wdl_helpers", package) for package in reproducible.NEEDED_BY_PLOTS),
]


@pytest.mark.parametrize("door, package", NEEDED)
def test_a_missing_package_is_named_with_what_to_do(door, package):
    program = f"import sys; sys.modules[{package!r}] = None; import {door}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode != 0
    assert re.search(rf"'{package}.*make lab.*environment.yml", done.stderr, re.S)


NOT_SERVING = [*reproducible.NEEDED_BY_EVALUATION, *reproducible.NEEDED_BY_PLOTS]
NOT_FEATURES = [*reproducible.NEEDED_BY_MODELS, *NOT_SERVING]


def test_what_serves_needs_neither_the_evaluation_nor_what_draws():
    program = f"import sys; sys.modules |= {dict.fromkeys(NOT_SERVING)}; import recommender.server"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_the_features_alone_need_neither_keras_nor_what_draws():
    gone = dict.fromkeys(NOT_FEATURES)
    program = f"import sys; sys.modules |= {gone}; import wdl_features"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_a_wrong_python_gets_one_sentence():
    done = subprocess.run(
        ["make", "--always-make", "PYTHON=python-that-is-not-there", ".venv/installed"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode != 0
    assert "Python 3.11, 3.12 or 3.13" in done.stdout


def test_importing_the_helpers_prints_nothing():
    done = subprocess.run([sys.executable, "-c", "import wdl_helpers"], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
