// Pair STDP (clipped) and MSTDPET (Florian; exact) on given spike trains, all to all, online: whenever a presynaptic
// cell fires, its row of weights is up to date. Weights are (pre, post) here. Two ways to the same numbers:
//
// `by_event` (STDP): a presynaptic spike changes a row, the postsynaptic spikes of a step change columns.
// otherwise lazily, rows alone: what postsynaptic spikes do to row i between two spikes of cell i is
//     P+_i(t') * sum over f of exp(-(t_f - t')/tau_plus),   t' <= t_f < t,
// and that sum is the difference of two cumulative sums per postsynaptic cell, kept for each step of an epoch. Between
// two spikes of cell i all changes have one sign, so clipping once is the same as clipping each. An epoch ends before the
// decaying factors lose digits; then all rows are brought up to date.
#include "common.h"

struct Trains {  // the spikes of step t are cells[first[t]] to cells[first[t + 1]]
    std::vector<int32_t> first, cells;
    Trains(const Folder& in, const std::string& side)
        : first(in.read<int32_t>(side + "_first")), cells(in.read<int32_t>(side + "_cells")) {}
    const int32_t* begin(int t) const { return cells.data() + first[t]; }
    const int32_t* end(int t) const { return cells.data() + first[t + 1]; }
};

struct Rule {
    const Folder& in;
    Trains pre{in, "pre"}, post{in, "post"};
    const int n_pre = in["n_pre"], n_post = in["n_post"], n_steps = in["n_steps"];
    const int wide = padded(n_post), stride = row_stride(n_post);
    const double dt = in["dt"], a_plus = in["a_plus"], a_minus = in["a_minus"], rate = in["learning_rate"];
    const double keep_plus = std::exp(-dt / in["tau_plus"]), keep_minus = std::exp(-dt / in["tau_minus"]);
    double* w = in.matrix("w", n_pre, n_post, stride);
    double* p_minus = allocate<double>(wide);
    void step_p_minus(int t) {
        for (int j = 0; j < wide; j++) p_minus[j] *= keep_minus;
        for (const int32_t* j = post.begin(t); j < post.end(t); j++) p_minus[*j] += a_minus;
    }
    void finish(double spent) const {
        std::printf("seconds %.9g\n", spent);
        in.write_matrix("w_out", w, n_pre, n_post, stride);
    }
};

static void stdp_by_event(const Folder& in) {
    Rule r{in};
    const double w_max = in["w_max"];
    double* p_plus = allocate<double>(r.n_pre);
    const double began = seconds();
    for (int t = 0; t < r.n_steps; t++) {
        for (int i = 0; i < r.n_pre; i++) p_plus[i] *= r.keep_plus;
        r.step_p_minus(t);
        for (const int32_t* i = r.pre.begin(t); i < r.pre.end(t); i++) {
            p_plus[*i] += r.a_plus;
            double* row = r.w + size_t(*i) * r.stride;
            for (int j = 0; j < r.wide; j++) row[j] = std::fmax(row[j] + r.rate * r.p_minus[j], 0);
        }
        if (r.post.begin(t) == r.post.end(t)) continue;
        for (int i = 0; i < r.n_pre; i++) {  // all columns of this step in one pass through the rows
            double* row = r.w + size_t(i) * r.stride;
            const double change = r.rate * p_plus[i];
            for (const int32_t* j = r.post.begin(t); j < r.post.end(t); j++)
                row[*j] = std::fmin(row[*j] + change, w_max);
        }
    }
    r.finish(seconds() - began);
}

struct Epoch {  // cumulative sums over the postsynaptic spikes of one epoch, one row per step: row s is before step s
    const int n_steps, wide;
    double* rows;
    Epoch(int n, int w) : n_steps(n), wide(w), rows(allocate<double>(size_t(n + 1) * w)) {}
    const double* operator[](int s) const { return rows + size_t(s) * wide; }
    void add(int s, const int32_t* cell, const int32_t* end, double amount) {
        double* next = rows + size_t(s + 1) * wide;
        std::memcpy(next, rows + size_t(s) * wide, wide * sizeof(double));
        for (; cell < end; cell++) next[*cell] += amount;
    }
};

struct Presynaptic {  // P+ of each cell at its last spike, or at the start of the epoch
    std::vector<double> p_plus, decay;  // decay[n] = exp(-n dt/tau_plus)
    std::vector<int> since;             // step within the epoch
    Presynaptic(int n, int n_steps, double keep) : p_plus(n), decay(n_steps + 1, 1.0), since(n) {
        for (int s = 1; s <= n_steps; s++) decay[s] = std::exp(s * std::log(keep));
    }
    // P+ exp(t'/tau_plus): what the sums of the epoch are multiplied by
    double factor(int i) const { return p_plus[i] / decay[since[i]]; }
    void advance(int i, int s, double jump) {
        p_plus[i] = p_plus[i] * decay[s - since[i]] + jump;
        since[i] = s;
    }
};

static void stdp(const Folder& in) {
    Rule r{in};
    const double w_max = in["w_max"];
    const int length = in["epoch_steps"];
    Epoch sums(length, r.wide);
    Presynaptic pre(r.n_pre, length, r.keep_plus);
    // one pass: what waited, then the depression of this spike (zeros at the end of an epoch)
    auto update = [&](int i, int s, const double* p_minus) {
        const double waiting = r.rate * pre.factor(i);
        const double *now = sums[s], *then = sums[pre.since[i]];
        double* row = r.w + size_t(i) * r.stride;
        for (int j = 0; j < r.wide; j++) {
            const double raised = std::fmin(row[j] + waiting * (now[j] - then[j]), w_max);
            row[j] = std::fmax(raised + r.rate * p_minus[j], 0);
        }
    };
    const double* zeros = allocate<double>(r.wide);
    const double began = seconds();
    for (int start = 0; start < r.n_steps; start += length) {
        const int n = std::min(length, r.n_steps - start);
        for (int s = 0; s < n; s++) {
            const int t = start + s;
            r.step_p_minus(t);
            for (const int32_t* i = r.pre.begin(t); i < r.pre.end(t); i++) {
                update(*i, s, r.p_minus);
                pre.advance(*i, s, r.a_plus);
            }
            sums.add(s, r.post.begin(t), r.post.end(t), pre.decay[s]);
        }
        for (int i = 0; i < r.n_pre; i++) {
            update(i, n, zeros);
            pre.advance(i, n, 0);
            pre.since[i] = 0;
        }
    }
    r.finish(seconds() - began);
}

// z decays alike everywhere, so with q = exp(-dt/tau_e) and C_s = sum over u <= s of r_u q^u dt
//     z_ij(s) = Z_ij q^s,   w_ij(s) = V_ij + rate Z_ij C_s,
// and Z, V stand still between the events of a synapse: a pair term x at step s adds x q^-s/tau_e to Z and takes
// rate * x q^-s C_(s-1)/tau_e from V.
static void mstdpet(const Folder& in) {
    Rule r{in};
    const std::vector<double> reward = in.read<double>("reward");
    const int length = in["epoch_steps"];
    const double q = std::exp(-r.dt / in["tau_e"]), per_tau = 1 / in["tau_e"];
    Epoch z_sums(length, r.wide), v_sums(length, r.wide);
    Presynaptic pre(r.n_pre, length, r.keep_plus);
    double* z = allocate<double>(size_t(r.n_pre) * r.stride);
    auto update = [&](int i, int s, const double* p_minus, double z_gain, double v_gain) {
        const double waiting = per_tau * pre.factor(i);
        const double *z_now = z_sums[s], *z_then = z_sums[pre.since[i]];
        const double *v_now = v_sums[s], *v_then = v_sums[pre.since[i]];
        double *z_row = z + size_t(i) * r.stride, *v_row = r.w + size_t(i) * r.stride;
#pragma GCC ivdep  // none of these overlap
        for (int j = 0; j < r.wide; j++) {
            z_row[j] += waiting * (z_now[j] - z_then[j]) + z_gain * p_minus[j];
            v_row[j] -= r.rate * (waiting * (v_now[j] - v_then[j]) + v_gain * p_minus[j]);
        }
    };
    const double* zeros = allocate<double>(r.wide);
    const double began = seconds();
    for (int start = 0; start < r.n_steps; start += length) {
        const int n = std::min(length, r.n_steps - start);
        double grown = 1, left = 1, rewarded = 0;  // q^-s, q^s, C_(s-1)
        for (int s = 0; s < n; s++) {
            const int t = start + s;
            r.step_p_minus(t);
            for (const int32_t* i = r.pre.begin(t); i < r.pre.end(t); i++) {
                update(*i, s, r.p_minus, per_tau * grown, per_tau * grown * rewarded);
                pre.advance(*i, s, r.a_plus);
            }
            z_sums.add(s, r.post.begin(t), r.post.end(t), pre.decay[s] * grown);
            v_sums.add(s, r.post.begin(t), r.post.end(t), pre.decay[s] * grown * rewarded);
            rewarded += reward[t] * left * r.dt;
            left *= q;
            grown /= q;
        }
        for (int i = 0; i < r.n_pre; i++) {
            update(i, n, zeros, 0, 0);
            pre.advance(i, n, 0);
            pre.since[i] = 0;
            double *z_row = z + size_t(i) * r.stride, *row = r.w + size_t(i) * r.stride;
#pragma GCC ivdep
            for (int j = 0; j < r.wide; j++) {
                row[j] += r.rate * z_row[j] * rewarded;
                z_row[j] *= left;
            }
        }
    }
    r.finish(seconds() - began);
}

int main(int, char** arguments) {
    const Folder in(arguments[1]);
    if (in["rewarded"]) mstdpet(in);
    else if (in["by_event"]) stdp_by_event(in);
    else stdp(in);
}
