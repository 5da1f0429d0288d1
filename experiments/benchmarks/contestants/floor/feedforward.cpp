// Poisson cells -> dendrites of two-compartment cells, all to all. Nothing is recorded; `dump` writes the spikes.
// A step: hazards, spikes and new draws; then rows of weights and both voltages, 64 cells at a time.
#include "common.h"

template <bool split> static void run(const Folder& in) {
    const int n_pre = in["n_pre"], n_post = in["n_post"], n_steps = in["n_steps"];
    const double dt = in["dt"], dead = in["dead_time"];
    const double pulse = in["weight_scale"] * in["spike_width"] / dt, coupling = in["coupling"];
    const double dend_step = dt / in["tau_dend"], soma_step = dt / in["tau_soma"];
    const bool dump = in["dump"];

    const int wide_pre = padded(n_pre), wide_post = padded(n_post), stride = row_stride(n_post);
    const double* w = in.matrix("w", n_pre, n_post, stride);
    double* remaining = allocate<double>(wide_pre);
    double* hazard = allocate<double>(wide_pre);  // per step
    double* v_dend = allocate<double>(wide_post);
    double* v_soma = allocate<double>(wide_post);
    int* spikes = allocate<int>(wide_pre + LANES);
    std::vector<int32_t> dumped;

    Exponentials draw(in["seed"]);
    const double h = in["rate"] * dt / (1 - in["rate"] * dead);
    for (int i = 0; i < wide_pre; i++) remaining[i] = 1e300;  // the padding never fires
    for (int i = 0; i < n_pre; i++) {
        hazard[i] = h;
        remaining[i] = draw();
    }

    int64_t n_spikes = 0;
    Stopwatch<split> watch({"poisson", "propagation", "cells"});
    double sums[BLOCK], *drive = split ? allocate<double>(wide_post) : sums;
    const double began = seconds();
    for (int t = 0; t < n_steps; t++) {
        watch.start();
        for (int i = 0; i < wide_pre; i++) remaining[i] -= hazard[i];
        const int n = crossed(remaining, wide_pre, spikes);
        // the hazard of the dead time is added in advance: the rate is constant
        for (int k = 0; k < n; k++) remaining[spikes[k]] += draw() + hazard[spikes[k]] * dead / dt;
        n_spikes += n;
        watch.stop(0);
        auto cells = [&](int first, const double* arrived) {
            for (int j = 0; j < BLOCK; j++) {
                double& dend = v_dend[first + j];
                double& soma = v_soma[first + j];
                dend += (pulse * arrived[j] - dend) * dend_step;
                soma += (coupling * dend - soma) * soma_step;
            }
        };
        if (split) {  // the same arithmetic, the two parts one after the other
            for (int first = 0; first < wide_post; first += BLOCK) sum_rows(w, stride, spikes, n, first, drive + first);
            watch.stop(1);
            for (int first = 0; first < wide_post; first += BLOCK) cells(first, drive + first);
            watch.stop(2);
        } else {
            for (int first = 0; first < wide_post; first += BLOCK) {
                sum_rows(w, stride, spikes, n, first, sums);
                cells(first, sums);
            }
        }
        if (dump)
            for (int k = 0; k < n; k++) dumped.insert(dumped.end(), {t, spikes[k]});
    }
    std::printf("seconds %.9g\nspikes %ld\n", seconds() - began, long(n_spikes));
    watch.print();
    in.write("v_dend", v_dend, n_post);
    in.write("v_soma", v_soma, n_post);
    if (dump) in.write("spikes", dumped.data(), dumped.size());
}

int main(int, char** arguments) {
    const Folder in(arguments[1]);
    in["split"] ? run<true>(in) : run<false>(in);
}
