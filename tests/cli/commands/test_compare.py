"""`spikedtp compare`: its help, its options, and a circuit that needs weights."""

from __future__ import annotations

from cli.command_lines import complaint

from spikedtp.cli import main


def test_compare_help_names_units(capsys):
    assert main(["compare", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    kinds = "digits|spirals|mnist:DIR|npz:FILE"
    for option in ("--unit-rate HZ", "--time-per-step MS", "--dt MS", f"--data {kinds}", "--circuit YAML|NAME"):
        assert option in text
    assert "450" in text and "digits_dtp" in text and "cpp_standalone" in text


def test_a_circuit_of_ones_own_needs_weights(capsys, tmp_path):
    circuit = tmp_path / "digits_dtp.yaml"
    circuit.write_text("layer_config: {}\n")
    assert main(["compare", "--circuit", str(circuit)]) == 2
    assert "give its trained weights with --weights" in complaint(capsys)


def test_compare_passes_its_options_on(comparisons, tmp_path):
    words = (
        "compare --circuit c.yaml --weights w.pt --data mnist:d --population H1E --samples 3 --repeats 2 --average 2 "
        "--unit-rate 100 --time-per-step 10 --dt 0.5 --device runtime --loop open --seed 7 --readout paper "
        "--set cell.tau_soma=30*ms --set rules.H2E_H1E=BTSP"
    )
    assert main([*words.split(), "--out", str(tmp_path)]) == 0
    ((settings, out),) = comparisons
    assert out == tmp_path
    assert settings.saved() == {
        "circuit": "c.yaml", "weights": "w.pt", "data": "mnist:d", "population": "H1E", "samples": 3, "repeats": 2,
        "average": 2, "unit_rate": 100.0, "time_per_step": 10.0, "dt": 0.5, "device": "runtime", "loop": "open",
        "seed": 7, "on_off": False, "readout": "paper",
        "cell": {"tau_soma": "30*ms"}, "inputs": {}, "rules": {"H2E_H1E": "BTSP"},
        "phases": {}, "unit_rates": {}, "spikers": None,
    }  # fmt: skip
