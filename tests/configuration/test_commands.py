"""Settings of commands: paths among them."""

from __future__ import annotations

from spikedtp.configuration import CompareConfiguration


def test_the_argument_of_a_data_set_is_a_path_only_where_it_names_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    saved = {spec: CompareConfiguration(data=spec).absolute().data for spec in ("noise:3", "noise:here", "mnist:gone")}
    assert saved == {
        "noise:3": "noise:3",
        "noise:here": f"noise:{tmp_path}/here",
        "mnist:gone": f"mnist:{tmp_path}/gone",
    }
