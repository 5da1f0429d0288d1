// What every circuit of the closed loop has: populations, projections, sums of rows, weights that learn at the end.
// Weights are of single precision, and so are sums of those that arrive in a time step.
#pragma once
#include "common.h"

#include <algorithm>

struct Population {
    int n, per_cell, cells, units;  // cells, units of each; places of its first cell and unit
    double unit_rate;
    bool output, gated;             // what it learns from: an error, or plateaus
    bool heard;                     // whether its spikes are of any use in the nudge
    int plateau_from, plateau_to;   // when its dendrites are read in the nudge
    std::vector<int> fired;         // rows of the weights, one entry a spike
};

struct Projection {
    int pre, post, kind, tied, stride;  // pre -1: the inputs; kind: nothing, plateau, dendritic loss, Hebb with norm
    bool dend, deaf, autapses;
    double gain, rate, scale, sign;  // sign of the weights
    float* w;
};

struct Circuit {
    int n_in, n_cells, n_units, highest = 0;  // of all, and the cells of the largest population
    std::vector<Population> populations;
    std::vector<Projection> projections;

    explicit Circuit(const Folder& in) : n_in(in["n_inputs"]), n_cells(in["n_cells"]), n_units(in["n_units"]) {
        const std::vector<double> listed = in.read<double>("populations"), table = in.read<double>("projections");
        for (const double* p = listed.data(); p < listed.data() + listed.size(); p += 10) {
            populations.push_back({int(p[0]), int(p[1]), int(p[2]), int(p[3]), p[4], p[5] != 0, p[6] != 0,
                                   p[7] != 0, int(p[8]), int(p[9]), {}});
            highest = std::max(highest, int(p[0]));
        }
        const std::vector<double> weights = in.read<double>("weights");
        const double* next = weights.data();
        for (const double* p = table.data(); p < table.data() + table.size(); p += 11) {
            Projection made{int(p[0]), int(p[1]), int(p[2]), int(p[3]), 0, p[4] != 0, p[5] != 0, p[6] != 0, p[7], p[8],
                            p[9], p[10], nullptr};
            const int columns = populations[made.post].n;
            made.stride = padded(columns) + 16;
            made.w = allocate<float>(size_t(rows(made)) * made.stride);
            for (int i = 0; i < rows(made); i++)
                for (int j = 0; j < columns; j++) made.w[size_t(i) * made.stride + j] = *next++;
            projections.push_back(made);
        }
    }
    int rows(const Projection& p) const { return p.pre < 0 ? n_in : populations[p.pre].n; }
    void write(const Folder& in) const {
        std::vector<double> out;
        for (const Projection& p : projections)
            for (int i = 0; i < rows(p); i++) {
                const float* row = p.w + size_t(i) * p.stride;
                out.insert(out.end(), row, row + populations[p.post].n);
            }
        in.write("w_out", out.data(), out.size());
    }
};

#ifdef __AVX512F__
typedef float Few __attribute__((vector_size(64), aligned(4), may_alias));
#else  // longer vectors than registers would stay in memory
typedef float Few __attribute__((vector_size(32), aligned(4), may_alias));
#endif

// some columns stay in registers while the rows of all spikes go by
template <int columns> static void add_block(const Projection& p, const std::vector<int>& rows, int first, float* to) {
    constexpr int vectors = columns * sizeof(float) / sizeof(Few);
    Few total[vectors] = {};
    for (const int row : rows) {
        const Few* from = reinterpret_cast<const Few*>(p.w + size_t(row) * p.stride + first);
        for (int q = 0; q < vectors; q++) total[q] += from[q];
    }
    Few* sum = reinterpret_cast<Few*>(to + first);
    for (int q = 0; q < vectors; q++) sum[q] += float(p.gain) * total[q];
}

static void add_rows(const Projection& p, const std::vector<int>& rows, int n, float* to) {
    if (rows.empty()) return;
    int first = 0;
    for (; n - first > 64; first += 128) add_block<128>(p, rows, first, to);
    if (n - first > 16) add_block<64>(p, rows, first, to);
    else if (n > first) add_block<16>(p, rows, first, to);
}

// what rules see of cells; `plateau` has the errors of the output
struct Signals {
    double *pre_in, *pre, *post, *dendrite, *plateau;
};

static void learn(const Circuit& circuit, const Signals& seen, double factor, std::vector<double>& total) {
    for (const Projection& s : circuit.projections) {
        if (!s.kind) continue;
        const int rows = circuit.rows(s), columns = circuit.populations[s.post].n, first = circuit.populations[s.post].cells;
        const double* from = s.pre < 0 ? seen.pre_in : seen.pre + circuit.populations[s.pre].cells;
        const double* signal = (s.kind == 1 ? seen.plateau : s.kind == 2 ? seen.dendrite : seen.post) + first;
        const double rate = s.rate * factor;
        const float low = s.sign > 0 ? 0 : -INFINITY, high = s.sign > 0 ? INFINITY : 0;
        total.assign(columns, 0);
        for (int i = 0; i < rows; i++) {
            if (s.kind < 3 && from[i] == 0) continue;
            float* w = s.w + size_t(i) * s.stride;
            const double step = rate * (s.kind < 3 ? std::fmin(from[i], 1) : from[i]);
            if (s.kind == 2)
                for (int j = 0; j < columns; j++)
                    w[j] = std::fmin(std::fmax(float(w[j] + step * std::fmin(std::fmax(signal[j], -1), 1)), low), high);
            else
                for (int j = 0; j < columns; j++)
                    w[j] = std::fmin(std::fmax(float(w[j] + step * signal[j]), low), high);
            if (!s.autapses) w[i] = 0;
            if (s.kind == 3)
                for (int j = 0; j < columns; j++) total[j] += std::fabs(w[j]);
        }
        if (s.kind != 3) continue;
        for (int j = 0; j < columns; j++) total[j] = total[j] == 0 ? 1 : s.scale / total[j];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) s.w[size_t(i) * s.stride + j] *= total[j];
    }
}

// projections that are the scaled transpose of another one: rows of that which have learned, or all
static void copy_tied(const Circuit& circuit, const Signals& seen, bool all) {
    for (const Projection& s : circuit.projections) {
        if (s.tied < 0) continue;
        const Projection& of = circuit.projections[s.tied];
        const double* from = seen.pre + circuit.populations[of.pre].cells;
        const int rows = circuit.populations[s.pre].n;
        std::vector<int> learned;
        for (int j = 0; j < circuit.populations[of.pre].n; j++)
            if (all || from[j] != 0) learned.push_back(j);
        for (int i0 = 0; i0 < rows; i0 += 16)
            for (size_t k0 = 0; k0 < learned.size(); k0 += 16)
                for (int i = i0; i < std::min(i0 + 16, rows); i++)
                    for (size_t k = k0; k < std::min(k0 + 16, learned.size()); k++)
                        s.w[size_t(i) * s.stride + learned[k]] = s.scale * of.w[size_t(learned[k]) * of.stride + i];
    }
}
