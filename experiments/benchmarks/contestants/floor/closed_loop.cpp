// Training samples of a circuit whose every population spikes: two phases, read-out in windows, learning at the end.
// A population is integrated as soon as all that arrives at it is summed, so that its numbers stay in the nearest cache.
// `kind` says which cells: Poisson (0), regular (1) and integrate-and-fire (2) units of somas that are held, or membranes
// of their own with currents (3) and with conductances (4).
#include "circuit.h"
#include "membrane_cells.h"
#include "nudged_cells.h"
#include "steady_inputs.h"

template <class Cells> static void run(const Folder& in) {
    const int n_steps = in["n_steps"], onset = in["onset"], read_from = in["read_from"], read = onset - read_from;
    const double dt = in["dt"], input_rate = in["input_rate"], silent = in["silent"];
    Circuit circuit(in);
    Cells cells(in, circuit);
    SteadyInputs inputs(in);
    const std::vector<double> x = in.read<double>("x"), target = in.read<double>("target");
    const std::vector<double> factor = in.read<double>("rate_factor");

    const int wide = circuit.n_cells + BLOCK, n_units = circuit.n_units, n_in = circuit.n_in;
    double *gate = allocate<double>(wide), *error = allocate<double>(wide), *dend_sum = allocate<double>(wide);
    double *plateau_sum = allocate<double>(wide);
    Signals seen;
    for (double** some : {&seen.pre, &seen.post, &seen.dendrite, &seen.plateau}) *some = allocate<double>(wide);
    seen.pre_in = allocate<double>(padded(n_in));
    int *count = allocate<int>(n_units), *count_in = allocate<int>(n_in);
    float* arrived[4];  // at somas and dendrites; where synapses open conductances, inhibition comes after that
    for (float*& some : arrived) some = allocate<float>(padded(circuit.highest));
    constexpr int ways = Cells::conductances ? 4 : 2;
    std::vector<double> total;
    int64_t spikes_in = 0, spikes = 0;
    Exponentials draw(in["seed"]);

    const double began = seconds();
    for (size_t sample = 0; sample < factor.size(); sample++) {
        for (double* zero : {gate, error, dend_sum, plateau_sum, seen.plateau}) std::memset(zero, 0, wide * sizeof(double));
        std::memset(count, 0, n_units * sizeof(int));
        std::memset(count_in, 0, n_in * sizeof(int));
        cells.begin(draw);
        inputs.begin(x.data() + sample * n_in, draw);

        for (int t = 0; t < n_steps; t++) {
            const bool nudged = t >= onset, reads = t >= read_from && !nudged;
            if (t == onset)
                for (const Population& p : circuit.populations)
                    for (int j = 0; j < p.n; j++) {
                        const int k = p.cells + j;
                        int all = 0;
                        for (int u = 0; u < p.per_cell; u++) all += count[p.units + j * p.per_cell + u];
                        seen.pre[k] = all / (p.unit_rate * p.per_cell * dt * read);
                        seen.post[k] = std::fmax(cells.settled(k, read), 0);
                        seen.dendrite[k] = dend_sum[k] / read;
                        gate[k] = p.gated && seen.post[k] > silent;
                        if (p.output && seen.post[k] > silent)
                            error[k] = std::fmin(std::fmax(target[sample * p.n + j] - seen.post[k], -1), 1);
                    }
            cells.step(draw);
            inputs.step(t, draw);
            if (reads)
                for (const int i : inputs.fired) count_in[i]++;
            spikes_in += inputs.fired.size();
            for (Population& p : circuit.populations) {
                p.fired.clear();
                if (Cells::waits && nudged && !p.heard) continue;
                cells.fire(p, gate, seen.plateau, error, nudged, draw, [&](int cell, int u) {
                    p.fired.push_back(cell);
                    count[p.units + u] += reads;
                });
                spikes += p.fired.size();
            }
            for (size_t q = 0; q < circuit.populations.size(); q++) {
                const Population& p = circuit.populations[q];
                for (int k = 0; k < ways; k++) std::memset(arrived[k], 0, padded(p.n) * sizeof(float));
                for (const Projection& s : circuit.projections)
                    if (s.post == int(q) && !(s.deaf && nudged)) {
                        float* to = arrived[s.dend + 2 * (Cells::conductances && s.sign < 0)];
                        add_rows(s, s.pre < 0 ? inputs.fired : circuit.populations[s.pre].fired, p.n, to);
                    }
                cells.integrate(p, arrived, t, reads);
                const bool rises = p.gated && t >= p.plateau_from && t < p.plateau_to;
                const double* now = cells.dendrite + p.cells;
                double* to = (reads ? dend_sum : plateau_sum) + p.cells;
                if (reads || rises)
                    for (int k = 0; k < p.n; k++) to[k] += now[k];
                if (rises && t == p.plateau_to - 1)
                    for (int k = p.cells; k < p.cells + p.n; k++) {
                        const double mean = plateau_sum[k] / (p.plateau_to - p.plateau_from);
                        seen.plateau[k] = gate[k] * std::fmin(std::fmax(mean, -1), 1);
                    }
            }
        }

        for (int i = 0; i < n_in; i++) seen.pre_in[i] = count_in[i] / (input_rate * dt * read);
        for (int k = 0; k < circuit.n_cells; k++) seen.plateau[k] += error[k];
        learn(circuit, seen, factor[sample], total);
        copy_tied(circuit, seen, sample == 0);
    }
    std::printf("seconds %.9g\ninput_spikes %lld\nspikes %lld\n", seconds() - began, (long long)spikes_in,
                (long long)spikes);
    circuit.write(in);
}

int main(int, char** arguments) {
    const Folder in(arguments[1]);
    const int kind = in["kind"];
    if (kind == 0) run<NudgedCells<0>>(in);
    else if (kind == 1) run<NudgedCells<1>>(in);
    else if (kind == 2) run<NudgedCells<2>>(in);
    else if (kind == 3) run<MembraneCells<false>>(in);
    else run<MembraneCells<true>>(in);
}
