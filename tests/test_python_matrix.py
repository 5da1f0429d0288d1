"""The script that runs the tests with other Pythons: which Brian2 it takes, and what it counts."""

import subprocess
import sys

import pytest
from python_matrix import Counts, counted, wanted


@pytest.mark.parametrize(
    ("python", "oldest", "newest"),
    [("3.11", "==2.9.0", "==2.9.*"), ("3.12", "==2.10.0", ">=2.10"), ("3.13", "==2.10.0", ">=2.10")],
)
def test_brian2_of_a_python(python, oldest, newest):
    assert wanted(python) == {"oldest": oldest, "newest": newest}


def test_counts_are_those_of_pytest(tmp_path):
    cases = ("assert True", "assert True", "assert False", "pytest.skip('no')", "raise OSError")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.fixture\ndef broken():\n    raise OSError\ndef test_broken(broken): pass\n"
        + "".join(f"def test_{k}(): {case}\n" for k, case in enumerate(cases))
    )
    report = tmp_path / "report.xml"
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", tmp_path],
                   cwd=tmp_path, capture_output=True, check=False)  # fmt: skip
    found = counted(report)
    assert found == Counts(passed=2, failed=3, skipped=1, seconds=found.seconds) and found.seconds > 0
