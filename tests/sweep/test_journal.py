"""What a killed sweep half wrote is removed."""

from __future__ import annotations

from spikedtp.sweep.journal import Journal


def test_what_a_killed_sweep_half_wrote_is_removed(tmp_path):
    out = tmp_path / "a[b]"
    for folder in (".a[b]-0f5773fc.partial", ".a[b]-mine", "jobs"):
        (out / folder).mkdir(parents=True)
        (out / folder / "x.partial").write_text("x")
    with Journal(out).opened():
        assert {path.name for path in out.iterdir()} == {".a[b]-mine", "jobs"}
        assert [path.name for path in (out / "jobs").iterdir()] == [".lock"]
