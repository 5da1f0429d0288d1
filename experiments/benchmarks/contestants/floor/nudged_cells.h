// `NudgedCell`: somas that integrate and are held in the nudge, and units that turn their activity into spikes: Poisson
// with dead time (0), regular (1), or leaky integrate-and-fire (2).
#pragma once
#include "circuit.h"
#include "steady_inputs.h"

// places and values of x > least among the first n; both lists need 8 places more than they may hold
static int above(const double* x, int n, double least, int* places, double* values) {
    int found = 0;
#ifdef __AVX512VL__
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (int i = 0; i < padded(n); i += LANES) {  // padding is 0
        const __m512d some = _mm512_load_pd(x + i);
        const __mmask8 yes = _mm512_cmp_pd_mask(some, _mm512_set1_pd(least), _CMP_GT_OQ);
        _mm512_storeu_pd(values + found, _mm512_maskz_compress_pd(yes, some));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(places + found),
                            _mm256_maskz_compress_epi32(yes, _mm256_add_epi32(_mm256_set1_epi32(i), lane)));
        found += __builtin_popcount(yes);
    }
#else
    for (int i = 0; i < n; i++) {
        places[found] = i;
        values[found] = x[i];
        found += x[i] > least;
    }
#endif
    return found;
}

template <int firing> class NudgedCells {
    const double dt, soma_step, dend_step, tau, most, least, keep;
    const Poisson poisson;
    const std::vector<double> bias;
    const int onset, n_cells, n_units;
    double *v, *v_sum, *pace, *moving, *state, *blocked;
    int *places, *found;

public:
    static constexpr bool conductances = false;
    static constexpr bool waits = firing == 2;  // while nobody hears it, as in spikedtp: Poisson units draw numbers
    double* dendrite;

    NudgedCells(const Folder& in, const Circuit& c)
        : dt(in["dt"]), soma_step(dt / in["tau_soma"]), dend_step(dt / in["tau_dend"]), tau(in["tau_lif"]),
          most(in["max_rate"]), least(in["least_lif_rate"]), keep(std::exp(-dt / tau)), poisson(in),
          bias(in.read<double>("bias")), onset(in["onset"]), n_cells(c.n_cells + BLOCK), n_units(c.n_units + BLOCK), v(allocate<double>(n_cells)),
          v_sum(allocate<double>(n_cells)), pace(allocate<double>(padded(c.highest))),
          moving(allocate<double>(padded(c.highest) + LANES)), state(allocate<double>(n_units)),
          blocked(allocate<double>(n_units)), places(allocate<int>(padded(c.highest) + LANES)),
          found(allocate<int>(n_units)), dendrite(allocate<double>(n_cells)) {}

    void begin(Exponentials& draw) {
        for (double* zero : {v, v_sum, dendrite}) std::memset(zero, 0, n_cells * sizeof(double));
        std::memset(blocked, 0, n_units * sizeof(double));
        for (int u = 0; u < n_units; u++) state[u] = firing ? uniform(draw) : draw();
    }
    void step(Exponentials&) {}
    double settled(int k, int steps) { return v[k] = v_sum[k] / steps; }  // and there it is held

    // `fires(cell, unit)` for every spike
    template <class Fires>
    void fire(const Population& p, const double* gate, const double*, const double* error, bool nudged,
              Exponentials& draw, Fires fires) {
        const double *vp = v + p.cells, *dp = dendrite + p.cells, *gp = gate + p.cells, *ep = error + p.cells;
        const double unit = firing == 2 ? p.unit_rate * tau : p.unit_rate, top = firing == 2 ? most * tau : most;
        if (nudged && (p.gated || p.output))
            for (int k = 0; k < p.n; k++) {
                const double acting = gp[k] * std::fmin(std::fmax(dp[k], -1), 1) + ep[k];
                pace[k] = std::fmin(std::fmax(unit * (vp[k] + acting), 0), top);
            }
        else
            for (int k = 0; k < p.n; k++) pace[k] = std::fmin(std::fmax(unit * vp[k], 0), top);
        for (int k = p.n; k < padded(p.n); k++) pace[k] = 0;
        if (p.per_cell == 1) pass(p, 1, draw, fires);
        else if (p.per_cell == 4) pass(p, 4, draw, fires);
        else pass(p, p.per_cell, draw, fires);
    }
    void integrate(const Population& p, const float* const* in, int t, bool reads) {
        const double* constant = bias.data() + p.cells;
        double *vp = v + p.cells, *dp = dendrite + p.cells, *vs = v_sum + p.cells;
        const float *soma_in = in[0], *dend_in = in[1];
        if (t < onset)
            for (int k = 0; k < p.n; k++) vp[k] += (constant[k] + soma_in[k] - vp[k]) * soma_step;
        for (int k = 0; k < p.n; k++) dp[k] += (dend_in[k] - dp[k]) * dend_step;
        if (reads)
            for (int k = 0; k < p.n; k++) vs[k] += vp[k];
    }

private:
    template <class Fires> void pass(const Population& p, int per_cell, Exponentials& draw, Fires fires) {
        double *s = state + p.units, *b = blocked + p.units;
        if (firing == 2) {
            const int moved = above(pace, p.n, least, places, moving);
            for (int k = 0; k < moved; k++) moving[k] = 1 / (1 - std::exp(-1 / moving[k]));
            for (int k = 0; k < moved; k++) {
                double* one = s + places[k] * per_cell;
                const double to = moving[k];
                double top = 0;
                for (int u = 0; u < per_cell; u++) {
                    one[u] = to + keep * (one[u] - to);
                    top = std::max(top, one[u]);
                }
                if (top < 1) continue;
                for (int u = 0; u < per_cell; u++) {
                    if (one[u] < 1) continue;
                    one[u] = to * (one[u] - 1) / (to - 1);
                    fires(places[k], places[k] * per_cell + u);
                }
            }
            return;
        }
        for (int k = 0; k < p.n; k++) pace[k] = firing ? pace[k] * dt : poisson.hazard(pace[k]);
        for (int k = 0; k < p.n; k++)
            for (int u = k * per_cell; u < (k + 1) * per_cell; u++) {
                s[u] -= firing ? pace[k] : pace[k] * std::fmax(1 - b[u], 0);
                if (!firing) b[u] = std::fmax(b[u] - 1, 0);
            }
        const int units = p.n * per_cell, whole = units / LANES * LANES;
        int some = crossed(s, whole, found);
        for (int u = whole; u < units; u++)
            if (s[u] <= 0) found[some++] = u;
        for (int k = 0; k < some; k++) {
            const int u = found[k], cell = u / per_cell;
            if (!firing) b[u] = poisson.dead / dt + s[u] / pace[cell];
            s[u] = firing ? s[u] + 1 : draw();
            fires(cell, u);
        }
    }
};
