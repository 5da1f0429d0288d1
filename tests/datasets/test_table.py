"""Tables of numbers: where labels stand, what a header is, and one line for every table that is none."""

import numpy as np
import pandas as pd
import pytest

from spikedtp.datasets import load
from spikedtp.errors import SpikedtpError


@pytest.fixture
def save(tmp_path):
    def saved(text):
        path = tmp_path / "x.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return f"csv:{path}"

    return saved


@pytest.mark.parametrize("seed", range(8))
def test_any_table(save, seed):
    """Drawn sizes, separators, places of the label, with and without a header: the same samples come out."""
    rng = np.random.default_rng(seed)
    n, n_inputs, n_classes = rng.integers(6, 40), rng.integers(1, 9), rng.integers(2, 6)
    x, y = rng.random((n, n_inputs)), rng.integers(0, n_classes, n)
    frame = pd.DataFrame(x, columns=[f"f{k}" for k in range(n_inputs)])
    header = bool(rng.integers(2))
    frame.insert(
        int(rng.integers(n_inputs + 1)) if header else n_inputs, rng.choice(["label", "Target", "class", "y"]), y
    )
    text = frame.to_csv(index=False, header=header, sep=rng.choice([",", ";", "\t"]))
    data = load(save(rng.choice(["", "\n", "\ufeff"]) + text))
    assert (data.n_inputs, data.n_classes) == (n_inputs, y.max() + 1)
    ours = np.column_stack([np.concatenate([data.train_x, data.test_x]), np.concatenate([data.train_y, data.test_y])])
    given = np.column_stack([x.astype(np.float32), y])
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], given[np.lexsort(given.T)])


def test_the_last_column_is_the_label_where_none_is_called_so(save, caplog):
    """It is said, since it is a guess."""
    data = load(save("a,b,species\n" + "0.1,0.2,2\n" * 3))
    assert data.train_y.tolist() == [2, 2] and (data.input_names, data.label_name) == (("a", "b"), "species")
    assert "labels: column 'species', the last one, as none is called label, target, class, y" in caplog.text
    assert load(save("0.1,0.2,2\n" * 3)).label_name == "column 3" and "'column 3'" in caplog.text
    caplog.clear()
    data = load(save("class,a,b\n" + "2,0.1,0.2\n" * 3), on_off=True)
    assert data.input_names == ("a (on)", "b (on)", "a (off)", "b (off)") and not caplog.text
    with pytest.raises(SpikedtpError, match=r"has 3 classes \(in its column 'class'\), the circuit 2"):
        load(save("class,a,b\n" + "2,0.1,0.2\n" * 3), n_classes=2)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("n_columns", [4, 9])
def test_numbers_of_columns_are_no_sample(save, first, n_columns):
    """What pandas writes for a frame without names, whether all columns have numbers for names or all but the label."""
    x, y = np.random.default_rng(0).random((6, n_columns - 1)), np.array([0, 1] * 3)
    frame = pd.DataFrame(np.column_stack([x, y]), columns=range(first, first + n_columns))
    for names in (frame, frame.rename(columns={first + n_columns - 1: "label"})):
        data = load(save(names.to_csv(index=False)))
        assert len(data.train_y) + len(data.test_y) == 6 and data.n_inputs == n_columns - 1
        np.testing.assert_allclose(np.sort(np.concatenate([data.train_x, data.test_x])[:, 0]), np.sort(x[:, 0]))
    shuffled = frame.columns[::-1]  # a sample may hold such numbers in another order
    data = load(save(frame.to_csv(index=False, header=shuffled)), scale="minmax")
    assert len(data.train_y) + len(data.test_y) == 7


def test_a_column_of_parts(save):
    data = load(save("a,label,part\n0.1,0,Train\n0.2,1, TEST\n0.3,2,train\n0.4,0,test\n"))
    assert data.train_y.tolist() == [0, 2] and data.test_y.tolist() == [1, 0] and data.n_inputs == 1
    np.testing.assert_allclose(data.test_x.ravel(), [0.2, 0.4])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,label\n0.1,red,0\n0.2,blue,1\n", r"the column 'b' holds text, such as 'red' in row 1: write numbers"),
        ("a,b,label\n0.1,1,0\n0.2,blue,1\n", "the column 'b' holds text, such as 'blue' in row 2"),
        ("a,species\n0.1,setosa\n", r"the column 'species' holds text, such as 'setosa' in row 1: write numbers"),
        ("a,label\n0.1,0.5\n", "column 'label': labels must be whole numbers from 0, got 0.5"),
        ("a,label\n0.1,-1\n", "column 'label': labels must be whole numbers from 0, got -1"),
        ("a,b,label\n0.1,,0\n", "the column 'b' has no number in row 1"),
        ("a,b,label\n0.1,nan,0\n", "the column 'b' has no number in row 1"),
        ("a,b,label\n0.1,inf,0\n", "not finite"),
        ("a,b,label\n0.1,0.2,0\n0.1,0.2,0,5\n", "no table with equally many cells in each row: Expected 3 fields"),
        ("a,b,label\n0.1,0.2,0\n0.1,0.2\n", r"the column 'label' has no number in row 2 \(1 of 2 rows\)"),
        ("a,b,label\n0.1,0.2,0,1\n0.1,0.2,0,1\n", "its first line has 3 cells, the next one 4"),
        (",a,label\n0,0.1,0\n1,0.2,1\n", r"column 1 has no name; if it numbers the rows.*index=False"),
        ("a,a,label\n0.1,0.2,0\n", "two columns of the name 'a'"),
        ("a,label,class\n0.1,0,0\n", "labels may stand in one column, found label and class"),
        ("a,label,part\n0.1,0,dev\n", "its column 'part' must say train or test, got 'dev'"),
        ("0,1\n0,0\n1,1\n", "its first line, 0,1, may number the columns or be a sample: give the columns names"),
        ("1,2,3\n0,0,1\n", "its first line, 1,2,3, may number the columns"),
        ("# a,label\n0.1,0\n", "its first line begins with #, and such lines are not read: remove it"),
        ("a label\n0.1 0\n", "its cells are separated by blanks: separate them by commas"),
        ("0.1  0\n0.2  1\n", "separated by blanks"),
        ("a,label\n0.1,0\n".encode("utf-16"), "is text in UTF-16: save it in UTF-8"),
        ("\u00e4,label\n0.1,0\n".encode("latin-1"), "is no text in UTF-8: save it in UTF-8"),
        ("a\n0.1\n", "has one column only"),
        ("a,label,part\n0.1,0,test\n0.1,-1,train\n", "column 'label': labels .* got -1 for sample 1"),
        ("a,label\n", "has no rows of numbers"),
        ("", "no table|no rows|one column"),
        ("a,label\n2.5,0\n2.6,1\n", r"must lie in \[0, 1\]"),
        (b"\x1f\x8b\x08\0\0", "is no table of text but a gzip-compressed file"),
        (b"PK\x03\x04abc", "is no table of text but a zip archive"),
        (b"a,label\n\xff\xfe,0\n", "is no text in UTF-8"),
        ('a,label\n"0.1,0\n0.2,1\n', "is no table|holds text|first line has"),
    ],
)  # fmt: skip
def test_refused(save, text, message):
    with pytest.raises(SpikedtpError, match=message) as error:
        load(save(text))
    assert "\n" not in str(error.value)


def test_no_file(tmp_path):
    with pytest.raises(SpikedtpError, match=r"csv:.*nowhere.csv: cannot be read: No such file"):
        load(f"csv:{tmp_path}/nowhere.csv")
    with pytest.raises(SpikedtpError, match="cannot be read: Is a directory"):
        load(f"csv:{tmp_path}")
