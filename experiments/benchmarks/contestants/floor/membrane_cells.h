// `MembraneCell`: cells and units that fire from leaky membranes with adaptation and noise. `below` is how far
// a membrane is below its threshold. Synapses are currents, or open conductances: then inhibition arrives apart.
#pragma once
#include "circuit.h"
#include "steady_inputs.h"

// a number of mean 0 and variance 1: the sum of the four bytes of a hash of the unit and of a seed for the step
static inline double kick(int i, uint32_t seed) {
    uint32_t x = uint32_t(i) * 0x9e3779b9u ^ seed;
    x ^= x >> 16; x *= 0x7feb352du; x ^= x >> 15; x *= 0x846ca68bu; x ^= x >> 16;
    const int sum = int(x & 255u) + int(x >> 8 & 255u) + int(x >> 16 & 255u) + int(x >> 24);
    return (sum - 510) * (1 / std::sqrt(21845.0));
}

template <bool opens> class MembraneCells {
    const double dt, threshold, tau_adaptation, dead_steps, soma_step, current_step, dend_step;
    const double steps_of_tau, share, keep, noise, more_gain, gain_of_rate, offset_part;
    const double per_excitation, per_inhibition, of_excited, of_inhibited;  // 1/reversal in the dendrite; opening
    const std::vector<double> bias;
    const int n_cells, n_units;
    double *soma[1 + opens], *dend[1 + opens], *soma_sum;
    double *below, *adaptation, *dead, *drive, *opening, *drives, *openings, *background;
    int* found;
    uint32_t seed = 0;

public:
    static constexpr bool conductances = opens, waits = false;
    double* dendrite;

    MembraneCells(const Folder& in, const Circuit& c)
        : dt(in["dt"]), threshold(in["threshold"]), tau_adaptation(in["tau_adaptation"]),
          dead_steps(in["t_refractory"] / dt), soma_step(dt / in["tau_soma"]), current_step(dt / in["tau_current"]),
          dend_step(dt / in["tau_dend"]), steps_of_tau(in["tau_membrane"] / dt), share(1 - std::exp(-1 / steps_of_tau)),
          keep(std::exp(-dt / tau_adaptation)), noise(in["noise"] * std::sqrt(1 - (1 - share) * (1 - share))),
          more_gain(in["gain"]), gain_of_rate(threshold * in["tau_membrane"]), offset_part(in["offset"]),
          per_excitation(1 / in["v_excitation_dend"]),
          per_inhibition(1 / in["v_inhibition_dend"]), of_excited(1 / (in["v_excitation"] - 1) / threshold),
          of_inhibited(1 / (1 - in["v_inhibition"]) / threshold), bias(in.read<double>("bias")),
          n_cells(c.n_cells + BLOCK), n_units(c.n_units + BLOCK), soma_sum(allocate<double>(n_cells)),
          below(allocate<double>(n_units)), adaptation(allocate<double>(n_units)),
          dead(allocate<double>(n_units)), drive(allocate<double>(n_cells)), opening(allocate<double>(n_cells)),
          drives(allocate<double>(n_units)), openings(allocate<double>(n_units)), background(allocate<double>(n_units)),
          found(allocate<int>(n_units)),
          dendrite(allocate<double>(n_cells)) {
        for (double** some : {soma, dend})
            for (int k = 0; k <= opens; k++) some[k] = allocate<double>(n_cells);
    }

    void begin(Exponentials& draw) {
        for (double* const* some : {soma, dend})
            for (int k = 0; k <= opens; k++) std::memset(some[k], 0, n_cells * sizeof(double));
        for (double* zero : {dendrite, soma_sum}) std::memset(zero, 0, n_cells * sizeof(double));
        for (double* zero : {adaptation, dead, background}) std::memset(zero, 0, n_units * sizeof(double));
        for (int u = 0; u < n_units; u++) below[u] = threshold * uniform(draw);
    }
    void step(Exponentials& draw) { seed = uint32_t(2147483647 * uniform(draw)); }
    double settled(int k, int steps) const { return soma_sum[k] / steps; }  // of the somatic current

    // `fires(cell, unit)` for every spike
    template <class Fires>
    void fire(const Population& p, const double*, const double* plateau, const double* error, bool nudged,
              Exponentials&, Fires fires) {
        const double jump = 1 / (p.unit_rate * tau_adaptation), offset = offset_part * (jump + threshold);
        const double gain = more_gain * (1 + p.unit_rate * gain_of_rate);
        const double *s = soma[0] + p.cells, *si = soma[opens] + p.cells;
        const double *act = plateau + p.cells, *e = error + p.cells;
        const double* constant = bias.data() + p.cells;
        for (int k = 0; k < p.n; k++) drive[k] = gain * (opens ? constant[k] + s[k] + si[k] : s[k]) - offset;
        if (nudged && (p.gated || p.output))
            for (int k = 0; k < p.n; k++) drive[k] += gain * (act[k] + e[k]);
        if (opens)
            for (int k = 0; k < p.n; k++) opening[k] = gain * (of_excited * s[k] - of_inhibited * si[k]);
        const bool same = p.per_cell == 1;
        if (p.per_cell == 4) spread(p.n, 4);
        else if (!same) spread(p.n, p.per_cell);
        move(p, same ? drive : drives, same ? opening : openings, noise * offset);
        const int units = (p.n * p.per_cell + LANES - 1) / LANES * LANES;  // those behind the last never move
        const int some = crossed(below + p.units, units, found);
        for (int k = 0; k < some; k++) {
            const int u = found[k];
            below[p.units + u] += threshold;
            adaptation[p.units + u] += jump;
            dead[p.units + u] = dead_steps;
            fires(same ? u : u / p.per_cell, u);
        }
    }
    void integrate(const Population& p, const float* const* in, int, bool reads) {
        const double* constant = bias.data() + p.cells;
        double *s = soma[0] + p.cells, *c = dend[0] + p.cells, *v = dendrite + p.cells;
        double *si = soma[opens] + p.cells, *ci = dend[opens] + p.cells;
        #pragma GCC ivdep
        for (int k = 0; k < p.n; k++) {
            if (opens) {
                const double leaks = 1 + c[k] * per_excitation + ci[k] * per_inhibition;
                v[k] += (c[k] + ci[k] - leaks * v[k]) * dend_step / (1 + dend_step * leaks);
                s[k] += (in[0][k] - s[k]) * soma_step;
                si[k] += (in[2][k] - si[k]) * soma_step;
                c[k] += (in[1][k] - c[k]) * current_step;
                ci[k] += (in[3][k] - ci[k]) * current_step;
            } else {
                v[k] += (c[k] - v[k]) * dend_step;
                s[k] += (constant[k] + in[0][k] - s[k]) * soma_step;
                c[k] += (in[1][k] - c[k]) * current_step;
            }
        }
        double* sum = soma_sum + p.cells;
        if (reads)
            for (int k = 0; k < p.n; k++) sum[k] += opens ? constant[k] + s[k] + si[k] : s[k];
    }

private:
    void spread(int n, int per_cell) {  // from cells to their units
        for (int k = 0; k < n; k++)
            for (int u = 0; u < per_cell; u++) drives[k * per_cell + u] = drive[k];
        if (opens)
            for (int k = 0; k < n; k++)
                for (int u = 0; u < per_cell; u++) openings[k * per_cell + u] = opening[k];
    }
    void move(const Population& p, const double* to, const double* open, double amplitude) {
        double *b = below + p.units, *a = adaptation + p.units, *d = dead + p.units, *n = background + p.units;
        const int units = p.n * p.per_cell;
        #pragma GCC ivdep
        for (int u = 0; u < units; u++) {
            a[u] *= keep;
            const double drawn = amplitude * kick(p.units + u, seed);
            double moves;
            if (opens) {  // noise is a current and, the more the fewer synapses are open, white
                const double was = n[u], leak = 1 + open[u];
                n[u] = (1 - share) * was + drawn;
                moves = (leak * b[u] + n[u] + (n[u] - was) * steps_of_tau / leak + to[u] - a[u]) / (steps_of_tau + leak);
            } else {
                moves = share * (b[u] + to[u] - a[u]) + drawn;
            }
            b[u] -= d[u] < 0.5 ? moves : 0;
            d[u] = std::fmax(d[u] - 1, 0);
        }
    }
};
