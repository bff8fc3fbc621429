"""The model server, as a process that is asked, overloaded, killed and started again; and its parts by themselves."""

import concurrent.futures
import http.client
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import unittest.mock
import urllib.error
import urllib.parse

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from recommender import client, server, serving
from wide_deep import features

import numpy as np
import pandas as pd
import pytest
from laws import small_frame, small_parts

KINDS = {"letter": "text", "size": "number", "tags": "list"}
LIMITS = {"megabytes": 0.1, "rows": 100, "longest": 20, "queue": 60, "poll": 0.1, "seconds": 5}


@pytest.fixture(scope="module")
def frame():
    return small_frame()[0]


@pytest.fixture(scope="module")
def models():
    """Two models of the same columns with other weights."""
    wide, deep = small_parts()[:2]
    made = []
    for seed in (0, 1):
        random = np.random.default_rng(seed)
        model = wdl.wide_deep_model(wide, deep, 4, (8,), dropout=0.0)
        for weight in model.trainable_variables:
            weight.assign(random.normal(0, 1, weight.shape))
        made.append(model)
    return made


@pytest.fixture(scope="module")
def exports(models, frame, tmp_path_factory):
    """Where the two models were exported: the first as any, the second with the letter and the tags as its context."""
    folders = [tmp_path_factory.mktemp("exports") / "model" for _ in models]
    for model, folder, context in zip(models, folders, [(), ("letter", "tags")]):
        serving.export(model, *small_parts()[:2], frame, folder, context)
    return folders


@pytest.fixture(scope="module")
def expected(models, frame):
    """The probabilities of the frame's rows, from each of the models."""
    inputs = wdl.joint_inputs(frame, *small_parts()[:2])
    return [wdl.predict(model, inputs) for model in models]


@pytest.fixture(scope="module")
def versions(exports, tmp_path_factory):
    """A folder with version 9."""
    folder = tmp_path_factory.mktemp("versions")
    shutil.copytree(exports[0], folder / "9")
    return folder


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def start(folder, **limits):
    """A server as a process of the test's own, and its model's address."""
    command = [sys.executable, "-m", "recommender.server", str(folder), "--port", "0"]
    command += [text for limit, value in limits.items() for text in (f"--{limit}", str(value))]
    process = subprocess.Popen(command, cwd=client.ROOT, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "running on" in line:
            return process, line.split("running on ")[1].split(" ")[0] + "/v2/models/model"
    raise AssertionError(f"The server ended with {process.wait()}.")


def answer_or_none(address, frame):
    try:
        return client.ask(address, frame, seconds=10)[0]
    except (OSError, http.client.HTTPException):
        return None


@pytest.fixture(scope="module")
def answers_of_a_killed_one(versions, frame):
    """What forty requests got from a server that was killed after the first five; None for an error."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        process, address = start(versions)
        try:
            asked = [pool.submit(answer_or_none, address, frame) for _ in range(40)]
            wait_for(lambda: sum(each.done() for each in asked) >= 5)
        finally:
            process.kill()
            process.communicate()
        return [each.result(30) for each in asked]


@pytest.fixture(scope="module")
def address(versions, answers_of_a_killed_one):
    """The server that is started after that one's death, and that the tests ask; at the end it is told to stop."""
    process, address = start(versions, **LIMITS)
    try:
        yield address
        process.terminate()
        _, said = process.communicate(timeout=20)
        assert "Traceback" not in said and (process.returncode == 0 or sys.platform == "win32")
    finally:
        process.kill()
        process.communicate()


def post(address, body, path="/infer"):
    """Status and answer of a request whose body is any bytes."""
    parts = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    try:
        connection.request("POST" if body is not None else "GET", parts.path + path, body)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def request_of(columns, **changes):
    """A request as JSON, and a change of it: an input's name → what is other in it."""
    inputs = {each["name"]: each for each in client.to_inputs(columns)}
    for name, change in changes.items():
        inputs[name] = inputs.get(name, {}) | change
    return json.dumps({"inputs": list(inputs.values())}).encode()


# ------------------------------------------------------------------------------------------- it answers


def test_it_answers_with_the_models_own_scores(address, exports, expected, frame):
    scores, version = client.ask(address, frame)
    np.testing.assert_array_equal(scores, serving.scorer(exports[0])(frame))  # the same bits
    np.testing.assert_allclose(scores, expected[0], atol=1e-6)
    assert version == "9" and np.ptp(scores) > 0.5


def test_a_column_with_one_entry_holds_for_all_rows(address, exports, frame):
    same = frame.assign(letter="a", tags=[["p", "q"]] * len(frame))
    scores, _ = client.ask(address, {"size": frame["size"]}, {"letter": "a", "tags": ["p", "q"]})
    np.testing.assert_array_equal(scores, serving.scorer(exports[0])(same))
    version = server.read_version("1", exports[1])
    body = json.dumps({"inputs": client.to_inputs({"size": frame["size"]}, {"letter": "a", "tags": ["p", "q"]})})
    answer = server.score_request(version, "model", body.encode(), server.Limits())
    np.testing.assert_allclose(answer["outputs"][0]["data"], serving.scorer(exports[1])(same), atol=1e-6)


def test_missing_values_are_null_and_no_rows_are_no_scores(address, exports):
    row = {"letter": [None], "size": [None], "tags": [None]}
    assert client.ask(address, row | {"tags": [[]]})[0].tolist() == serving.scorer(exports[0])(row).tolist()
    no_lengths = {"name": "tags_lengths", "shape": [0], "datatype": "INT64", "data": []}
    nothing = request_of({"letter": [], "size": [], "tags": []}, tags_lengths=no_lengths)
    assert post(address, nothing)[1]["outputs"][0]["data"] == []


def test_it_says_what_it_takes(address):
    status, known = post(address, None, "")
    assert status == 200 and known["platform"] == "tensorflow_savedmodel" and known["versions"] == ["9"]
    found = {each["name"]: each["datatype"] for each in known["inputs"]}
    assert found == {"letter": "BYTES", "size": "FP64", "tags": "BYTES", "tags_lengths": "INT64"}
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/model/ready", "/v2"):
        assert post(address.split("/v2")[0], None, path)[0] == 200, path


def test_the_id_of_a_request_comes_back_whatever_is_in_it(address, frame):
    request = json.loads(request_of(frame[:1])) | {"id": "größe \ud800"}
    assert post(address, json.dumps(request).encode())[1]["id"] == "größe \ud800"


# ------------------------------------------------------------------------------------ what it refuses

ROW = {"letter": ["a"], "size": [3.0], "tags": [["p"]]}
WRONG = [
    (b"{", 400, "not JSON"),
    (b"\xff\xfe", 400, "not JSON"),
    (b"[" * 90_000, 400, "not JSON"),
    (b"[]", 400, "no list 'inputs'"),
    (b'{"inputs": [{}]}', 400, "no name"),
    (request_of({"letter": ["a"], "size": [3.0]}), 400, "no input 'tags'"),
    (request_of(ROW | {"age": [3]}), 400, "no input 'age'"),
    (json.dumps({"inputs": client.to_inputs(ROW) * 2}).encode(), 400, "'letter' is there twice"),
    (request_of(ROW, size={"datatype": "BYTES"}), 400, "'size' has the datatype 'BYTES'; expected FP64"),
    (request_of(ROW, size={"data": ["3"]}), 400, "'size' holds '3'; expected numbers"),
    (request_of(ROW, size={"data": [True]}), 400, "'size' holds True; expected numbers"),
    (request_of(ROW, size={"data": "3"}), 400, "'size' has no list 'data'"),
    (request_of(ROW, size={"shape": [2]}), 400, r"'size' has 1 entries and the shape [2]"),
    (request_of(ROW, letter={"data": [{"a": 1}]}), 400, "'letter' holds {'a': 1}, a dict"),
    (request_of(ROW, letter={"data": ["\ud800"]}), 400, "'letter' holds '\\ud800', which is no text"),
    (request_of(ROW, tags_lengths={"data": [2]}), 400, "'tags' has 1 values; its lengths add up to 2"),
    (request_of(ROW, tags_lengths={"data": [-1]}), 400, "lengths of column 'tags' must be whole numbers from 0 to 20"),
    (request_of(ROW | {"tags": [["p"] * 21]}), 400, "lengths of column 'tags' must be whole numbers from 0 to 20"),
    (request_of({"letter": ["a"] * 3, "size": [1.0, 2.0], "tags": [["p"]]}), 400, "'size' has 2 entries; expected 3"),
    (request_of({column: cells * 101 for column, cells in ROW.items()}), 400, "101 rows; at most 100"),
    (b" " * 2_000_000, 413, "2,000,000 bytes; at most 104,857"),
]


@pytest.mark.parametrize("body, status, message", WRONG, ids=[message for _, _, message in WRONG])
def test_a_wrong_request_gets_an_error_that_names_the_column(address, body, status, message):
    found, answer = post(address, body)
    assert found == status and message in answer["error"]


def test_another_models_name_is_refused(address):
    for path in ("/infer", ""):
        status, answer = post(address.replace("/models/model", "/models/other"), b"{}" if path else None, path)
        assert status == 404 and "no model 'other'; this server has 'model'" in answer["error"]


def test_a_shape_with_a_second_axis_of_one_is_taken(address, exports):
    flat = post(address, request_of(ROW))
    assert post(address, request_of(ROW, size={"shape": [1, 1], "data": [[3.0]]})) == flat
    assert post(address, request_of(ROW, letter={"shape": [1, 1]})) == flat


# -------------------------------------------------------------------------------------------- under load


def test_fifty_clients_at_once_all_get_their_own_scores(address, expected, frame):
    def client_of(i):
        rows = np.arange(i, i + 7) % len(frame)
        scores, _ = client.ask(address, frame.iloc[rows])
        return np.abs(scores - expected[0][rows]).max()

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        assert max(pool.map(client_of, range(100))) < 1e-6


def test_beyond_its_queue_it_refuses_at_once_and_goes_on(exports, frame, monkeypatch):
    """In this process, with a model that takes as long as the test wants."""
    limits = server.Limits(queue=2, threads=1, seconds=0.3)
    served = server.Server(exports[0], "model", limits)
    go_on = concurrent.futures.Future()

    def slow(*_):
        go_on.result(20)
        return {}

    async def three():
        monkeypatch.setattr(server, "score_request", slow)
        return await server.asyncio.gather(*(served.score(b"") for _ in range(3)), return_exceptions=True)

    refused = server.asyncio.run(three())
    assert [each.status for each in refused] == [503] * 3
    assert min(each.message for each in refused) == "2 requests wait already: try again later."
    assert sum("No score after 0.3 seconds" in each.message for each in refused) == 2
    go_on.set_result(None)
    served.pool.shutdown()
    assert [served.free_places.acquire(blocking=False) for _ in range(3)] == [True, True, False]


def test_the_client_passes_the_servers_sentence_on(monkeypatch):
    """Of a 503, which is no fault of the request, too; a proxy's may be no JSON."""
    for body, sentence in (
        (b'{"error": "2 requests wait already: try again later."}', "2 requests wait already"),
        (b"Service Unavailable", "Service Unavailable"),
        (b"[]", r"\[\]"),
    ):
        error = urllib.error.HTTPError("http://x", 503, "short", {}, io.BytesIO(body))
        monkeypatch.setattr(client.urllib.request, "urlopen", unittest.mock.Mock(side_effect=error))
        with pytest.raises(OSError, match=sentence):
            client.ask("http://x", {"size": [1]})


def test_a_client_that_sends_half_a_request_is_told_so(exports):
    served = server.Server(exports[0], "model", server.Limits(seconds=0.1))
    came = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive():
        return next(came, None) or await server.asyncio.sleep(20)

    request = server.Request({"type": "http", "method": "POST", "path_params": {"name": "model"}}, receive)
    answer = server.asyncio.run(served.infer(request))
    assert answer.status_code == 408 and b"not there after 0.1 seconds" in answer.body


# ------------------------------------------------------------------------------- versions, death, the end


def test_a_newer_version_takes_over_without_a_wrong_answer_and_goes_when_it_is_taken_away(
    address, versions, exports, expected, frame
):
    """Each answer is that of the version that it names."""
    seen, stop = [], threading.Event()
    of_version = {"9": expected[0], "10": expected[1]}

    def ask_on_and_on():
        while not stop.is_set():
            scores, version = client.ask(address, frame[:20])
            np.testing.assert_allclose(scores, of_version[version][:20], atol=1e-6)
            seen.append(version)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask_on_and_on)
        try:
            shutil.copytree(exports[1], versions / "not yet")
            (versions / "not yet").rename(versions / "10")
            wait_for(lambda: "10" in seen)
            (versions / "10").rename(versions / "withdrawn")
            wait_for(lambda: seen[-1] == "9")
        finally:
            stop.set()
        asking.result()
    assert "9" in seen[: seen.index("10")]


def test_a_version_that_cannot_be_loaded_never_answers(exports, tmp_path, caplog):
    shutil.copytree(exports[0], tmp_path / "1")
    served = server.Server(tmp_path, "model", server.Limits())
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "saved_model.pb").write_bytes(b"broken")
    served.refresh()
    served.refresh()  # it is not tried again, as long as it is the same
    assert served.live.name == "1" and caplog.text.count("Version 4 cannot be loaded; version 1 goes on.") == 1
    shutil.copytree(exports[1], tmp_path / "3")
    served.refresh()
    assert served.live.name == "3"
    shutil.rmtree(tmp_path / "3")
    served.refresh()
    assert served.live.name == "1"


def test_a_version_that_was_seen_half_copied_answers_once_it_is_whole(exports, tmp_path, caplog):
    shutil.copytree(exports[0], tmp_path / "1")
    served = server.Server(tmp_path, "model", server.Limits())
    shutil.copytree(exports[1], tmp_path / "2", ignore=shutil.ignore_patterns("variables"))
    served.refresh()
    assert served.live.name == "1" and caplog.text.count("Version 2 cannot be loaded") == 1
    shutil.copytree(exports[1] / "variables", tmp_path / "2" / "variables")
    served.refresh()
    assert served.live.name == "2"


def test_a_folder_named_0_is_a_version_and_not_the_folder_that_holds_it(exports, tmp_path):
    shutil.copytree(exports[0], tmp_path / "0")
    served = server.Server(tmp_path, "model", server.Limits())
    assert served.live[0::2] == ("0", tmp_path / "0")
    shutil.copytree(exports[1], tmp_path / "1")
    served.refresh()
    assert served.live.name == "1"
    assert server.newest_version(exports[0]) == exports[0]


LISTS = pd.DataFrame({"areas": [["a", "b"], []], "areas_lengths": [3, 4], "x": [["y"], ["z"]], "x_lengths": ["u", "v"]})


def test_a_list_column_and_one_with_the_name_of_its_lengths_reach_the_model(tmp_path):
    """Client, server and signature call the lengths alike."""
    wide = wdl.fit_wide(LISTS, ["areas", "areas_lengths", "x", "x_lengths"])
    model = wdl.wide_model(wide)
    model.get_layer("wide_weights").table.assign(np.arange(wide["n_ids"], dtype="float32")[:, None] / 10)
    serving.export(model, wide, None, LISTS, tmp_path / "1")
    version = server.read_version("1", tmp_path / "1")
    body = json.dumps({"inputs": client.to_inputs(LISTS)}).encode()
    answer = server.score_request(version, "model", body, server.Limits())
    expected = wdl.predict(model, features.optional_inputs(LISTS, wide, None))
    np.testing.assert_allclose(answer["outputs"][0]["data"], expected, atol=1e-6)
    names = {name for names in serving.signature_names(version.export.types).values() for name in names}
    assert names == {each["name"] for each in client.to_inputs(LISTS)}
    assert {"areas_lengths_2", "x_lengths_2"} <= names


def test_its_help_says_what_each_limit_is_and_its_unit(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["recommender.server", "--help"])
    with pytest.raises(SystemExit):
        server.main()
    said = " ".join(capsys.readouterr().out.split())
    assert list(server.LIMITS) == list(server.Limits._fields)
    for field, default in server.Limits()._asdict().items():
        assert f"--{field} N {server.LIMITS[field]}; {default:g} without it" in said


def test_killed_in_the_middle_of_requests_and_started_again(answers_of_a_killed_one, address, expected, frame):
    """Whoever is answered is answered rightly; the others get an error and do not hang."""
    good = [answer for answer in answers_of_a_killed_one if answer is not None]
    assert 5 <= len(good) < 40
    for answer in [*good, answer_or_none(address, frame)]:
        np.testing.assert_allclose(answer, expected[0], atol=1e-6)


@pytest.mark.skipif(os.name != "posix", reason="a shell stands in for Python")
def test_a_block_that_ends_in_any_way_leaves_no_server_behind(tmp_path, monkeypatch):
    stand_in = tmp_path / "python"
    stand_in.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/id\necho running on http://127.0.0.1:80\nexec sleep 60\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))

    def interrupted():
        with client.running_server(tmp_path) as address:
            assert address == "http://127.0.0.1:80/v2/models/model"
            os.kill(int((tmp_path / "id").read_text()), 0)  # it is there
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "id").read_text()), 0)


def test_without_an_export_it_does_not_start_and_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["recommender.server", str(tmp_path)])
    with pytest.raises(SystemExit, match="cannot start: .* holds no export"):
        server.main()
    monkeypatch.setattr(sys, "executable", shutil.which("false") or "false")
    with pytest.raises(RuntimeError, match="has not started"), client.running_server(tmp_path):
        pass


def test_the_client_needs_numpy_alone():
    absent = ["tensorflow", "keras", "pandas", "pyarrow", "matplotlib"]
    program = f"import sys; sys.modules |= dict.fromkeys({absent}); import recommender.client"
    assert subprocess.run([sys.executable, "-c", program], cwd=pathlib.Path(client.ROOT)).returncode == 0
