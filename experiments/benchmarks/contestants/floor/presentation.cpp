// Figure 3's presentations: replayed rates -> Poisson spikes with dead time -> soma and dendrite of every cell, the
// cells' own output spikes, traces, and read-outs as weighted means of the drive. Nothing is recorded step by step.
// Inputs onto the soma come first; `block_first` and `block_lag` say which inputs come late.
#include "common.h"

template <bool split> static void run(const Folder& in) {
    const int n_soma_inputs = in["n_soma_inputs"], n_in = in["n_inputs"], n_cells = in["n_cells"];
    const int n_steps = in["n_steps"], n_points = in["n_points"], n_presentations = in["n_presentations"];
    const double dt = in["dt"], dead = in["dead_time"], points_per_step = in["points_per_step"];
    const double unit_rate = in["unit_rate"], max_rate = in["max_rate"], least_free = in["least_free_time"];
    const double pulse = in["weight_scale"] * in["spike_width"] / dt, coupling = in["coupling"];
    const double dend_step = dt / in["tau_dend"], soma_step = dt / in["tau_soma"];
    const double keep = 1 - dt / in["tau_eligibility"];
    const double jump = in["weight_scale"] * in["spike_width"] / in["tau_eligibility"];
    const bool dump = in["dump"];

    const int wide_in = padded(n_in), wide = padded(n_cells), stride = row_stride(n_cells);
    const double* w = in.matrix("w", n_in, n_cells, stride);
    const std::vector<double> activities = in.read<double>("activities"), kernels = in.read<double>("kernels");
    const std::vector<int32_t> block_first = in.read<int32_t>("block_first"), block_lag = in.read<int32_t>("block_lag");
    double *remaining = allocate<double>(wide_in), *dead_steps = allocate<double>(wide_in);
    double *hazard = allocate<double>(wide_in), *trace = allocate<double>(wide_in);
    double *out_remaining = allocate<double>(wide), *out_dead_steps = allocate<double>(wide);
    double *out_hazard = allocate<double>(wide), *v_soma = allocate<double>(wide), *v_dend = allocate<double>(wide);
    double *soma_drive = allocate<double>(wide), *dend_drive = allocate<double>(wide);
    int *spikes = allocate<int>(wide_in + LANES), *out_spikes = allocate<int>(wide + LANES);
    // rows: dendrite, soma (per cell), trace (per input), each settled and nudged; kernels likewise
    double* readout = allocate<double>(4 * wide + 2 * wide_in);
    std::vector<double> results, traces;
    std::vector<int32_t> dumped;
    int64_t n_spikes = 0, n_out = 0;
    double spent = 0, sum_soma = 0, sum_dend = 0;

    auto integrate = [&](double* left, double* blocked, const double* h, int n) {
        for (int i = 0; i < n; i++) {
            left[i] -= h[i] * dt * std::fmax(1 - blocked[i], 0);
            blocked[i] = std::fmax(blocked[i] - 1, 0);
        }
    };
    auto as_hazard = [&](double rate) {
        rate = std::fmin(std::fmax(rate, 0), max_rate);
        return rate / std::fmax(1 - rate * dead, least_free);
    };
    Stopwatch<split> watch({"rates", "poisson", "propagation", "cells", "readout"});
    for (int p = 0; p < n_presentations; p++) {
        const double began = seconds();
        Exponentials draw(in["seed"] + 1e6 * p);
        for (double* state : {dead_steps, trace, hazard}) std::memset(state, 0, wide_in * sizeof(double));
        for (double* state : {out_dead_steps, v_soma, v_dend}) std::memset(state, 0, wide * sizeof(double));
        std::memset(readout, 0, (4 * wide + 2 * wide_in) * sizeof(double));
        auto redraw = [&](double* left, double* blocked, const double* h, const int* fired, int n) {
            const double* fresh = draw.take(n);
            for (int k = 0; k < n; k++) {
                const int i = fired[k];
                blocked[i] = dead / dt + left[i] / (h[i] * dt);
                left[i] = fresh[k];
            }
        };
        for (int i = 0; i < wide_in; i++) remaining[i] = i < n_in ? draw() : 1e300;
        for (int j = 0; j < wide; j++) out_remaining[j] = j < n_cells ? draw() : 1e300;
        const double* activity = activities.data() + size_t(p) * n_points * n_in;

        for (int t = 0; t < n_steps; t++) {
            watch.start();
            for (size_t b = 0; b + 1 < block_first.size(); b++) {
                const double x = (t - block_lag[b]) * points_per_step;
                const int k = std::min(int(std::fmax(x, 0)), n_points - 2);
                const double on = x < 0 ? 0 : unit_rate, fraction = x - k;
                const double* from = activity + size_t(k) * n_in;
                for (int i = block_first[b]; i < block_first[b + 1]; i++)
                    hazard[i] = as_hazard(on * (from[i] + fraction * (from[i + n_in] - from[i])));
            }
            for (int j = 0; j < wide; j++) out_hazard[j] = as_hazard(unit_rate * v_soma[j]);
            watch.stop(0);

            for (int i = 0; i < wide_in; i++) trace[i] *= keep;
            integrate(remaining, dead_steps, hazard, wide_in);
            integrate(out_remaining, out_dead_steps, out_hazard, wide);
            const int n = crossed(remaining, wide_in, spikes), n_outputs = crossed(out_remaining, wide, out_spikes);
            const double trace_settled = kernels[4 * n_steps + t], trace_nudged = kernels[5 * n_steps + t];
            int n_soma = 0;
            for (int k = 0; k < n; k++) {
                n_soma += spikes[k] < n_soma_inputs;
                trace[spikes[k]] += jump;
            }
            redraw(remaining, dead_steps, hazard, spikes, n);
            redraw(out_remaining, out_dead_steps, out_hazard, out_spikes, n_outputs);
            if (trace_settled)
                for (int k = 0; k < n; k++) readout[4 * wide + spikes[k]] += trace_settled * pulse;
            if (trace_nudged)
                for (int k = 0; k < n; k++) readout[4 * wide + wide_in + spikes[k]] += trace_nudged * pulse;
            n_spikes += n;
            n_out += n_outputs;
            watch.stop(1);

            auto propagate = [&](int first) {
                sum_rows(w, stride, spikes, n_soma, first, soma_drive + first);
                sum_rows(w, stride, spikes + n_soma, n - n_soma, first, dend_drive + first);
            };
            auto cells = [&](int first) {
                for (int j = first; j < first + BLOCK; j++) {
                    v_dend[j] += (pulse * dend_drive[j] - v_dend[j]) * dend_step;
                    v_soma[j] += (pulse * soma_drive[j] + coupling * v_dend[j] - v_soma[j]) * soma_step;
                }
            };
            if (split) {
                for (int first = 0; first < wide; first += BLOCK) propagate(first);
                watch.stop(2);
                for (int first = 0; first < wide; first += BLOCK) cells(first);
            } else {
                for (int first = 0; first < wide; first += BLOCK) {
                    propagate(first);
                    cells(first);
                }
            }
            watch.stop(3);
            for (int row = 0; row < 4; row++) {
                const double weight = kernels[row * n_steps + t];
                if (weight == 0) continue;
                double* sum = readout + row * wide;
                if (row < 2)
                    for (int j = 0; j < wide; j++) sum[j] += weight * pulse * dend_drive[j];
                else
                    for (int j = 0; j < wide; j++) sum[j] += weight * pulse * soma_drive[j];
            }
            watch.stop(4);
            if (dump) {
                for (int k = 0; k < n; k++) dumped.insert(dumped.end(), {p, t, spikes[k]});
                traces.insert(traces.end(), v_soma, v_soma + n_cells);
                traces.insert(traces.end(), v_dend, v_dend + n_cells);
            }
        }
        spent += seconds() - began;
        for (int j = 0; j < n_cells; j++) {
            sum_soma += v_soma[j];
            sum_dend += v_dend[j];
        }
        for (int row = 0; row < 4; row++) results.insert(results.end(), readout + row * wide, readout + row * wide + n_cells);
        for (int row = 0; row < 2; row++)
            results.insert(results.end(), readout + 4 * wide + row * wide_in, readout + 4 * wide + row * wide_in + n_in);
        if (dump) results.insert(results.end(), trace, trace + n_in);
    }
    std::printf("seconds %.9g\nspikes %ld\noutput_spikes %ld\n", spent, long(n_spikes), long(n_out));
    std::printf("v_soma %.12g\nv_dend %.12g\n", sum_soma / n_cells / n_presentations, sum_dend / n_cells / n_presentations);
    watch.print();
    in.write("readout", results.data(), results.size());
    if (dump) {
        in.write("spikes", dumped.data(), dumped.size());
        in.write("traces", traces.data(), traces.size());
    }
}

int main(int, char** arguments) {
    const Folder in(arguments[1]);
    in["split"] ? run<true>(in) : run<false>(in);
}
