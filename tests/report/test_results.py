"""What a report reads: changed, missing and damaged files, and what is no result."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report.reading import read

from spikedtp import SpikedtpError
from spikedtp.records import write_manifest, write_summary
from spikedtp.report import write_report


def test_the_report_opens_results_from_before_the_two_columns(tmp_path):
    pd.DataFrame({"presentations": [0, 2], "test_accuracy": [0.1, 0.4]}).to_csv(tmp_path / "learning_curve.csv")
    write_summary(tmp_path, {"test_accuracy": 0.4})
    write_manifest(tmp_path, configuration={}, seeds={})
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "presentations" in page and "test_accuracy" in page


def test_files_that_changed_or_went_are_named(run):
    (run / "lines.csv").write_text("sample\n5\n")
    (run / "small.svg").unlink()
    (run / "late.csv").write_bytes(b"\xff\xfe\x00")
    page = read(run)
    for said in ("small.svg is missing", "lines.csv was changed after the run", "late.csv cannot be read"):
        assert said in page.text
    assert read(run).text == page.text  # the page itself is no result


def test_what_is_no_result_is_refused_in_one_line(run, tmp_path):
    with pytest.raises(SpikedtpError, match=r"name one of the folders in it \(run\)"):
        write_report(tmp_path)
    with pytest.raises(SpikedtpError, match="is not a folder"):
        write_report(run / "lines.csv")
    with pytest.raises(SpikedtpError, match="is not a folder"):
        write_report("9" * 4000)
    with pytest.raises(SpikedtpError, match=r"cannot be written .*--out"):
        write_report(run, run / "lines.csv" / "page.html")
    for text in ("[1]", "{", "[" * 100_000):
        (run / "manifest.json").write_text(text)
        with pytest.raises(SpikedtpError, match=r"manifest\.json is damaged"):
            write_report(run)
    (run / "manifest.json").unlink()
    with pytest.raises(SpikedtpError, match=r"holds no results"):
        write_report(run)
    (run / "config.yaml").write_text("command: sweep\n")
    with pytest.raises(SpikedtpError, match="unfinished run"):
        write_report(run)


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 30)) + "command: *a29\n",
        f"command: {'9' * 5000}\n", "command: 2001-99-99\n", "command: !!binary '%'\n", "[" * 5000, "x" * 10**6,
        "command: [sweep]\n",
    ],
    ids=range(7),
)  # fmt: skip
def test_settings_that_are_none_are_shown_as_they_are(run, text):
    (run / "config.yaml").write_text(text)
    page = read(run)
    assert text[:40] in page.text and "spikedtp repeat" not in page.text


def test_values_in_values_without_end_are_damage(run):
    for depth, name in ((60, "summary.json"), (900, "manifest.json")):
        (run / name).write_text('{"a": ' + "[" * depth + "]" * depth + "}")
        with pytest.raises(SpikedtpError, match=rf"{name} is damaged"):
            write_report(run)


def test_tables_that_cannot_be_shown_are_named(run):
    """Two columns of one name, and ten million packed values."""
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), run / "twice.parquet")
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10_000_001, np.int8)), ["x"])
    pq.write_table(pa.table({"a": column}), run / "packed.parquet")
    assert (run / "packed.parquet").stat().st_size < 100_000
    text = read(run).text
    assert "twice.parquet cannot be read: " in text
    assert "packed.parquet cannot be read: 10000001 values are too many for a page" in text
