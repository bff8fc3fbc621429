"""A file is read so that a category is the text that stands there."""

import decimal
import math
import pathlib
import re
import tempfile

import wdl_helpers as wdl

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import column_names

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


def written(folder, text, name="rows.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"'


# ------------------------------------------------------------------------------------------------- CSV


def test_a_text_stays_as_it_stands_in_the_file(tmp_path):
    path = written(
        tmp_path,
        "zip,flag,shop,size\n"
        "02116,TRUE,Carry out & Take away,1.50\n"
        '+5,True, x ,-0\n'
        'NA,,"a ""b"", c",1e3\n'
        "null,nan,a=b,\n",
    )  # fmt: skip
    frame = wdl.read_table(path)
    assert frame.to_dict("list") == {
        "zip": ["02116", "+5", "NA", "null"],
        "flag": ["TRUE", "True", "", "nan"],
        "shop": ["Carry out & Take away", " x ", 'a "b", c', "a=b"],
        "size": ["1.50", "-0", "1e3", ""],
    }
    assert wdl.fit_wide(frame, ["zip", "flag", "shop", "size"])["n_ids"] == 17


def test_only_the_named_columns_become_numbers_and_an_empty_cell_of_them_is_a_gap(tmp_path):
    path = written(tmp_path, "zip,age,clicked\n02116,47.3,1\n02117,,0\n02118,1e-3,1\n")
    frame = wdl.read_table(path, numbers=["age", "clicked"])
    assert frame["zip"].tolist() == ["02116", "02117", "02118"]
    assert frame["age"].dtype == frame["clicked"].dtype == "float64"
    assert frame["age"][[0, 2]].tolist() == [47.3, 0.001] and math.isnan(frame["age"][1])
    assert frame["clicked"].tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="Column 'age' has 1 missing or infinite values, first in row 1"):
        wdl.fit_deep(frame, [], ["age"])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_and_ends_of_lines_are_no_text(tmp_path, end, mark):
    frame = wdl.read_table(written(tmp_path, f"{mark}größe,b{end}é,x{end}ß,y{end}"))
    assert frame.to_dict("list") == {"größe": ["é", "ß"], "b": ["x", "y"]}


def test_a_text_may_hold_line_breaks_in_a_file_of_many_blocks(tmp_path):
    rows = 60_000  # 2 MB, and Arrow reads blocks of 1 MB
    frame = wdl.read_table(written(tmp_path, "a,b\n" + '"one\ntwo, three\nfour",some more text\n' * rows))
    assert len(frame) == rows
    assert set(frame["a"]) == {"one\ntwo, three\nfour"} and set(frame["b"]) == {"some more text"}


@given(column_names(2), st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_every_text_comes_back(columns, rows):
    columns = [column.replace("\0", "") or f"column {i}" for i, column in enumerate(columns)]
    if columns[0] == columns[1]:
        columns[1] += " 2"
    lines = [",".join(map(quoted, cells)) for cells in (columns, *rows)]
    with tempfile.TemporaryDirectory() as folder:
        frame = wdl.read_table(written(pathlib.Path(folder), "\n".join(lines)))
    assert frame.columns.tolist() == columns
    assert list(frame.itertuples(index=False, name=None)) == rows


# --------------------------------------------------------------------------------------------- Parquet


def test_columns_of_a_parquet_file_keep_their_types_and_give_the_features_of_the_csv_file(tmp_path):
    csv = wdl.read_table(
        written(tmp_path, "zip,shop,n,when\n02116,A & B,7,2026-01-02\nNA,,8,2026-01-03\n"), numbers=["n"]
    )
    table = pa.table(
        {
            "zip": pa.array(["02116", "NA"]).dictionary_encode(),
            "shop": pa.array(["A & B", ""], pa.large_string()),
            "n": pa.array([decimal.Decimal("7.0"), decimal.Decimal("8.0")]),
            "when": pa.array(pd.to_datetime(["2026-01-02", "2026-01-03"])),
            "tags": [["p", "q"], []],
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    frame = wdl.read_table(tmp_path / "rows.parquet", numbers=["n"])
    features = ["zip", "shop", "n", ("zip", "shop")]
    wide = wdl.fit_wide(csv, features, buckets={"n": 2})
    np.testing.assert_equal(wdl.fit_wide(frame, features, buckets={"n": 2}), wide)
    np.testing.assert_array_equal(wdl.wide_ids(frame, wide), wdl.wide_ids(csv, wide))
    assert wdl.fit_deep(frame, ["n"], [])["vocabulary"] == wdl.fit_deep(csv, ["n"], [])["vocabulary"]
    assert frame["when"].max() == pd.Timestamp("2026-01-03")
    assert wdl.cross(frame, ["tags"]).tolist() == ["tags=p", "tags=q"]


def test_long_whole_numbers_with_a_gap_stay_what_they_are(tmp_path):
    pq.write_table(pa.table({"id": [2**53 + 1, None, 3], "age": [1, None, 3]}), tmp_path / "rows.parquet")
    frame = wdl.read_table(tmp_path / "rows.parquet", numbers=["age"])
    assert wdl.cross(frame[::2], ["id"]).tolist() == [f"id={2**53 + 1}", "id=3"]
    assert wdl.quantile_boundaries(frame[::2], "age", 2).tolist() == [2]
    with pytest.raises(ValueError, match="'id' has a missing value in row 1"):
        wdl.cross(frame, ["id"])


def test_texts_of_a_parquet_file_become_numbers_where_they_are_asked_for(tmp_path):
    pq.write_table(pa.table({"age": ["20", None, "", "3.5"]}), tmp_path / "rows.parquet")
    ages = wdl.read_table(tmp_path / "rows.parquet", numbers=["age"])["age"]
    np.testing.assert_array_equal(ages, [20, np.nan, np.nan, 3.5])


def test_an_index_with_a_name_is_a_column_like_any_other(tmp_path):
    frame = pd.DataFrame({"user": ["ada", "bob"], "n": [1, 2]})
    frame.set_index("user").to_parquet(tmp_path / "rows.parquet")
    assert wdl.read_table(tmp_path / "rows.parquet")["user"].tolist() == ["ada", "bob"]


# --------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_index_without_a_name_is_refused(tmp_path, kind):
    frame = pd.DataFrame({"a": ["x", "y"]}, index=[3, 5])
    path = tmp_path / f"rows.{kind}"
    frame.to_csv(path) if kind == "csv" else frame.to_parquet(path)
    place = 1 if kind == "csv" else 2
    with pytest.raises(ValueError, match=rf"rows.{kind}: column {place} is an index, or has no name: .*index=False"):
        wdl.read_table(path)


@pytest.mark.parametrize(
    "text, message",
    [
        ("a,b,a\nx,y,z\n", "'a' is listed more than once"),
        ("a,b\nx,y\nx\n", "Expected 2 columns, got 1"),
        ("a,b\nx,y\nx,y,z\n", "Expected 2 columns, got 3"),
        ("a,b,\nx,y,\n", "column 3 is an index, or has no name"),
        ("a,b\n", "holds no rows"),
        ("", "Empty CSV file"),
    ],
)
def test_a_file_that_is_no_table_is_named_with_what_is_wrong(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}:? .*{message}|{re.escape(str(path))} {message}"):
        wdl.read_table(path)


def test_two_columns_of_one_name_in_a_parquet_file_are_named(tmp_path):
    table = pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], names=["a", "a"])
    pq.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match="rows.parquet: 'a' is listed more than once"):
        wdl.read_table(tmp_path / "rows.parquet")


@pytest.mark.parametrize("text", ["größe,b\nx,y\n", "a,b\nx,größe\n"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_that_is_not_utf8_is_named(tmp_path, text, encoding):
    path = written(tmp_path, text, encoding=encoding)
    with pytest.raises(ValueError, match=re.escape(f"{path}: ") + ".*(UTF8|utf-8)"):
        wdl.read_table(path)


@pytest.mark.parametrize("cell", ["NA", "nan", "?", "1,5", "x", " "])
def test_a_text_among_numbers_is_named_with_its_row(tmp_path, cell):
    path = written(tmp_path, f'age,city\n1,x\n,y\n"{cell}",z\n')
    message = f"{path}: Column 'age' holds {cell!r} in row 2; expected a number, or '' for a gap."
    with pytest.raises(ValueError, match=re.escape(message)):
        wdl.read_table(path, numbers=["age"])


def test_a_column_of_numbers_that_is_not_there_is_named(tmp_path):
    path = written(tmp_path, "a;b\nx;1\n")
    with pytest.raises(KeyError, match=r"rows.csv has no column 'b'; it has \['a;b'\]"):
        wdl.read_table(path, numbers=["b"])


def test_other_files_and_names_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"rows.xlsx ends in '.xlsx'; expected .csv or .parquet"):
        wdl.read_table(tmp_path / "rows.xlsx")
    with pytest.raises(FileNotFoundError, match="rows.csv"):
        wdl.read_table(tmp_path / "rows.csv")
    with pytest.raises(FileNotFoundError, match="rows.parquet"):
        wdl.read_table(tmp_path / "rows.parquet")
    with pytest.raises(TypeError, match="numbers is 'age'; expected a list"):
        wdl.read_table(tmp_path / "rows.csv", numbers="age")
    assert wdl.read_table(str(written(tmp_path, "a\nx\n", name="ROWS.CSV")))["a"].tolist() == ["x"]


# ----------------------------------------------------------------------------------- the reader's own data


def test_the_readmes_dozen_lines_run_on_a_file_as_it_is(tmp_path, monkeypatch):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Your own data.*?```python\n(.*?)```", readme, re.S)[1]
    assert len([line for line in block.splitlines() if line.strip()]) <= 12
    rng = np.random.default_rng(0)
    cities = ["Rome", "", "NA", "02116", "2116", "Bed & Breakfast", "a=b"]
    frame = pd.DataFrame({"city": rng.choice(cities, 10_000), "device": rng.choice(["phone & pad", ""], 10_000)})
    frame["age"] = rng.integers(18, 80, 10_000)
    frame["clicked"] = rng.random(10_000) < np.where(frame["city"] == "02116", 0.9, 0.1)
    frame["clicked"] = frame["clicked"].astype(int)
    times = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.permutation(10_000), "min")
    frame["time"] = times.strftime("%Y-%m-%d %H:%M")
    frame.to_csv(tmp_path / "my_data.csv", index=False, encoding="utf-8-sig")
    monkeypatch.chdir(tmp_path)
    variables = {}
    exec(block, variables)
    assert set(variables["result"]) == {"accuracy", "AUC", "log loss"}
    assert variables["result"]["AUC"] > 0.75  # which a postcode without its zero would not give
    assert variables["train"]["time"].max() < variables["test"]["time"].min() and len(variables["test"]) == 2_000
    assert "city=02116" in variables["wide"]["vocabulary"] and "city=2116" in variables["wide"]["vocabulary"]
    assert "city=Bed && Breakfast & device=phone && pad" in variables["wide"]["vocabulary"]


@pytest.mark.parametrize("rows", ['2,"Oslo\n3,Bern', '2,"Oslo\n3,"Bern\n4,Paris'], ids=["one", "two"])
def test_an_open_quote_swallows_no_rows(tmp_path, rows):
    file = tmp_path / "cities.csv"
    file.write_text(f"n,city\n1,Rome\n{rows}\n")
    with pytest.raises(ValueError, match="cities.csv: a quotation mark is opened and not closed"):
        wdl.read_table(file)


def test_what_a_quote_may_do_is_read(tmp_path):
    file = tmp_path / "cities.csv"
    file.write_text('n,city\n1,5" pipe\n2,"a ""b"" c"\n3,"two\nlines"\n')
    assert wdl.read_table(file)["city"].tolist() == ['5" pipe', 'a "b" c', "two\nlines"]


def test_a_blank_line_before_the_header_changes_no_type(tmp_path):
    (tmp_path / "zips.csv").write_text("\nzip,n\n02116,1\nNA,2\n")
    assert wdl.read_table(tmp_path / "zips.csv", numbers=["n"]).to_dict("list") == {"zip": ["02116", "NA"], "n": [1, 2]}


def test_an_empty_cell_of_a_single_column_is_one(tmp_path):
    (tmp_path / "cities.csv").write_text("city\nOslo\n\nRome\n")
    assert wdl.read_table(tmp_path / "cities.csv")["city"].tolist() == ["Oslo", "", "Rome"]


def test_names_may_come_from_a_generator(tmp_path):
    (tmp_path / "ages.csv").write_text("city,age\nOslo,3\nRome,4\n")
    frame = wdl.read_table(tmp_path / "ages.csv", numbers=(name for name in ["age"]))
    deep = wdl.fit_deep(frame, (name for name in ["city"]), (name for name in ["age"]))
    assert deep["categories"] == ["city"] and list(deep["boundaries"]) == ["age"]


def test_a_number_with_underscores_is_none(tmp_path):
    (tmp_path / "amounts.csv").write_text("amount\n1_000\n")
    with pytest.raises(ValueError, match="'amount' holds '1_000' in row 0; expected a number"):
        wdl.read_table(tmp_path / "amounts.csv", numbers=["amount"])


@pytest.mark.parametrize("cell", ["١٢", "inf", "-Infinity", "1e400", "nan", "0x1F"])
def test_what_only_some_readers_take_for_a_number_is_none(tmp_path, cell):
    file = tmp_path / "log.csv"
    file.write_text(f"n,city\n1,Rome\n{cell},Oslo\n", encoding="utf-8")
    with pytest.raises(ValueError, match="Column 'n' holds .* in row 1; expected a number"):
        wdl.read_table(file, numbers=["n"])


def test_an_open_quote_in_a_long_header_is_named(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text('n,"city\n' + "1,Rome\n" * 30_000)
    with pytest.raises(ValueError, match=r"log\.csv: a quotation mark is opened and not closed"):
        wdl.read_table(file)
