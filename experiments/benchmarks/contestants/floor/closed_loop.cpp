// Training samples of a circuit whose every population spikes: two phases, read-out in windows, learning at the end.
// A population is integrated as soon as all that arrives at it is summed, so that its numbers stay in the nearest cache.
// Weights are of single precision, sums of double. Cells fire by Poisson spikes with dead time (0), regularly (1) or as
// integrate-and-fire units (2); inputs keep their rate, so the latter two know at the start when they will fire.
#include "common.h"

#include <algorithm>

struct Population {
    int n, per_cell, cells, units;  // places of its first cell and unit
    double unit_rate;
    bool output, gated;
    std::vector<int> fired;  // rows of the weights, one entry a spike
};

struct Projection {
    int pre, post, kind, tied, stride;  // pre -1: the inputs; kind: nothing, plateau, dendritic loss, Hebb with norm
    bool dend, deaf, autapses;
    double gain, rate, scale, sign;  // sign of the weights
    float* w;
};

// rows of single precision onto sums of double precision, a block of columns in registers
static void add_rows(const Projection& p, const std::vector<int>& rows, int n, double* to) {
    typedef float Few __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
    if (rows.empty()) return;
    for (int first = 0; first < n; first += BLOCK) {
        Vector total[BLOCK / LANES] = {};
        for (const int row : rows) {
            const Few* from = reinterpret_cast<const Few*>(p.w + size_t(row) * p.stride + first);
            for (int q = 0; q < BLOCK / LANES; q++) {
#ifdef __AVX512F__
                total[q] += (Vector)_mm512_cvtps_pd((__m256)from[q]);
#else
                total[q] += __builtin_convertvector(from[q], Vector);
#endif
            }
        }
        Vector* sum = reinterpret_cast<Vector*>(to + first);
        for (int q = 0; q < BLOCK / LANES; q++) sum[q] += p.gain * total[q];
    }
}

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

template <int firing> static void run(const Folder& in) {
    const int n_in = in["n_inputs"], n_cells = in["n_cells"], n_units = in["n_units"], n_steps = in["n_steps"];
    const int onset = in["onset"], read_from = in["read_from"], nudged_from = in["nudged_from"], n = in["n_samples"];
    const double dt = in["dt"], soma_step = dt / in["tau_soma"], dend_step = dt / in["tau_dend"], tau = in["tau_lif"];
    const double max_rate = in["max_rate"], dead = in["dead_time"], least_free = in["least_free_time"];
    const double least = in["least_lif_rate"], keep = std::exp(-dt / tau), input_rate = in["input_rate"];
    std::vector<Population> populations;
    int highest = 0;
    const std::vector<double> listed = in.read<double>("populations");
    for (const double* p = listed.data(); p < listed.data() + listed.size(); p += 7) {
        populations.push_back({int(p[0]), int(p[1]), int(p[2]), int(p[3]), p[4], p[5] != 0, p[6] != 0, {}});
        highest = std::max(highest, int(p[0]));
    }
    std::vector<Projection> projections;
    const std::vector<double> table = in.read<double>("projections"), weights = in.read<double>("weights");
    const double* next = weights.data();
    for (const double* p = table.data(); p < table.data() + table.size(); p += 11) {
        Projection made{int(p[0]), int(p[1]), int(p[2]), int(p[3]), 0, p[4] != 0, p[5] != 0, p[6] != 0, p[7], p[8], p[9],
                        p[10], nullptr};
        const int rows = made.pre < 0 ? n_in : populations[made.pre].n, columns = populations[made.post].n;
        made.stride = padded(columns) + 16;
        made.w = allocate<float>(size_t(rows) * made.stride);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) made.w[size_t(i) * made.stride + j] = *next++;
        projections.push_back(made);
    }
    const std::vector<double> x = in.read<double>("x"), target = in.read<double>("target");
    const std::vector<double> factor = in.read<double>("rate_factor"), bias = in.read<double>("bias");

    const int wide = n_cells + BLOCK, wide_units = n_units + BLOCK, words = (n_in + 63) / 64;
    double *v = allocate<double>(wide), *d = allocate<double>(wide), *gate = allocate<double>(wide);
    double *error = allocate<double>(wide), *v_sum = allocate<double>(wide), *d_sum = allocate<double>(wide);
    double *plateau = allocate<double>(wide), *post = allocate<double>(wide), *dendrite = allocate<double>(wide);
    double *pre = allocate<double>(wide), *soma_in = allocate<double>(padded(highest));
    double *dend_in = allocate<double>(padded(highest)), *pace = allocate<double>(padded(highest));
    double *moving = allocate<double>(padded(highest) + LANES), *pre_in = allocate<double>(padded(n_in));
    double *state = allocate<double>(wide_units), *blocked = allocate<double>(wide_units);
    double *left_in = allocate<double>(padded(n_in)), *passing = allocate<double>(padded(n_in));
    int *places = allocate<int>(padded(highest) + LANES), *found = allocate<int>(padded(n_in) + LANES);
    int *count = allocate<int>(wide_units), *count_in = allocate<int>(padded(n_in));
    uint64_t* bits = allocate<uint64_t>(size_t(n_steps) * words);
    std::vector<int> fired_in;
    int64_t spikes_in = 0, spikes = 0;
    Exponentials draw(in["seed"]);
    auto uniform = [&] { return 1 - std::exp(-draw()); };
    auto as_hazard = [&](double rate) { return rate / std::fmax(1 - rate * dead, least_free) * dt; };

    const double began = seconds();
    for (int sample = 0; sample < n; sample++) {
        const double* shown = x.data() + size_t(sample) * n_in;
        for (double* zero : {v, d, gate, error, v_sum, d_sum, plateau}) std::memset(zero, 0, wide * sizeof(double));
        std::memset(blocked, 0, wide_units * sizeof(double));
        std::memset(count, 0, wide_units * sizeof(int));
        std::memset(count_in, 0, padded(n_in) * sizeof(int));
        for (int u = 0; u < n_units; u++) state[u] = firing ? uniform() : draw();
        if (firing) std::memset(bits, 0, size_t(n_steps) * words * sizeof(uint64_t));
        for (int i = 0; i < padded(n_in); i++) {
            const double rate = i < n_in ? std::fmin(std::fmax(input_rate * shown[i], 0), max_rate) : 0;
            if (!firing) {
                passing[i] = as_hazard(rate);
                left_in[i] = i < n_in ? draw() : 1;
                continue;
            }
            double left = uniform(), p = rate * tau;
            if (firing == 2) left = 1 + p * std::log(1 - left * (1 - std::exp(-1 / std::fmax(p, least))));
            if (rate == 0 || (firing == 2 && p <= least)) continue;
            for (double time = left / (rate * dt); time <= n_steps; time += 1 / (rate * dt))
                bits[std::max(int(std::ceil(time)) - 1, 0) * words + i / 64] |= uint64_t(1) << i % 64;
        }

        for (int t = 0; t < n_steps; t++) {
            const bool nudged = t >= onset, reads = t >= read_from && !nudged, reads_nudge = t >= nudged_from;
            if (t == onset)
                for (Population& p : populations)
                    for (int k = p.cells, j = 0; j < p.n; k++, j++) {
                        v[k] = v_sum[k] / (onset - read_from);
                        gate[k] = !p.output && p.gated && v_sum[k] > 0;
                        post[k] = std::fmax(v[k], 0);
                        dendrite[k] = d_sum[k] / (onset - read_from);
                        if (p.output && v_sum[k] > 0)
                            error[k] = std::fmin(std::fmax(target[size_t(sample) * p.n + j] - post[k], -1), 1);
                    }
            fired_in.clear();
            if (firing) {
                for (int k = 0; k < words; k++)
                    for (uint64_t word = bits[t * words + k]; word; word &= word - 1)
                        fired_in.push_back(64 * k + __builtin_ctzll(word));
            } else {
                for (int i = 0; i < padded(n_in); i++) left_in[i] -= passing[i];
                const int some = crossed(left_in, padded(n_in), found);
                const double* fresh = draw.take(some);
                for (int k = 0; k < some; k++) left_in[found[k]] += fresh[k] + passing[found[k]] * dead / dt;
                fired_in.assign(found, found + some);
            }
            if (reads)
                for (const int i : fired_in) count_in[i]++;
            spikes_in += fired_in.size();
            for (Population& p : populations) {
                const double *vp = v + p.cells, *dp = d + p.cells, *gp = gate + p.cells, *ep = error + p.cells;
                const double unit = firing == 2 ? p.unit_rate * tau : p.unit_rate;
                const double most = firing == 2 ? max_rate * tau : max_rate;
                if (nudged)
                    for (int k = 0; k < p.n; k++) {
                        const double acting = gp[k] * std::fmin(std::fmax(dp[k], -1), 1) + ep[k];
                        pace[k] = std::fmin(std::fmax(unit * (vp[k] + acting), 0), most);
                    }
                else
                    for (int k = 0; k < p.n; k++) pace[k] = std::fmin(std::fmax(unit * vp[k], 0), most);
                for (int k = p.n; k < padded(p.n); k++) pace[k] = 0;
                p.fired.clear();
                auto fires = [&](int cell, int u) {
                    p.fired.push_back(cell);
                    count[u] += reads;
                };
                double* s = state + p.units;
                double* b = blocked + p.units;
                if (firing == 2) {
                    const int moved = above(pace, p.n, least, places, moving);
                    for (int k = 0; k < moved; k++) moving[k] = 1 / (1 - std::exp(-1 / moving[k]));
                    auto move = [&](int per_cell) {
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
                                fires(places[k], p.units + places[k] * per_cell + u);
                            }
                        }
                    };
                    if (p.per_cell == 1) move(1);
                    else if (p.per_cell == 4) move(4);
                    else move(p.per_cell);
                } else {
                    if (!firing)
                        for (int k = 0; k < p.n; k++) pace[k] = as_hazard(pace[k]);
                    else
                        for (int k = 0; k < p.n; k++) pace[k] *= dt;
                    auto pass = [&](int per_cell) {
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
                            if (!firing) b[u] = dead / dt + s[u] / pace[cell];
                            s[u] = firing ? s[u] + 1 : draw();
                            fires(cell, p.units + u);
                        }
                    };
                    if (p.per_cell == 1) pass(1);
                    else if (p.per_cell == 4) pass(4);
                    else pass(p.per_cell);
                }
                spikes += p.fired.size();
            }
            for (size_t q = 0; q < populations.size(); q++) {
                const Population& p = populations[q];
                std::memset(soma_in, 0, padded(p.n) * sizeof(double));
                std::memset(dend_in, 0, padded(p.n) * sizeof(double));
                for (const Projection& s : projections)
                    if (s.post == int(q) && !(s.deaf && nudged))
                        add_rows(s, s.pre < 0 ? fired_in : populations[s.pre].fired, p.n, s.dend ? dend_in : soma_in);
                double *vp = v + p.cells, *dp = d + p.cells, *to = reads ? d_sum + p.cells : plateau + p.cells;
                double* vs = v_sum + p.cells;
                const double* bp = bias.data() + p.cells;
                if (!nudged)
                    for (int k = 0; k < p.n; k++) vp[k] += (bp[k] + soma_in[k] - vp[k]) * soma_step;
                for (int k = 0; k < p.n; k++) dp[k] += (dend_in[k] - dp[k]) * dend_step;
                if (reads)
                    for (int k = 0; k < p.n; k++) vs[k] += vp[k];
                if (reads || reads_nudge)
                    for (int k = 0; k < p.n; k++) to[k] += dp[k];
            }
        }

        for (int i = 0; i < n_in; i++) pre_in[i] = count_in[i] / (input_rate * dt * (onset - read_from));
        for (const Population& p : populations)
            for (int k = 0; k < p.n; k++) {
                int all = 0;
                for (int u = 0; u < p.per_cell; u++) all += count[p.units + k * p.per_cell + u];
                pre[p.cells + k] = all / (p.unit_rate * p.per_cell * dt * (onset - read_from));
                const double mean = plateau[p.cells + k] / (n_steps - nudged_from);
                plateau[p.cells + k] = gate[p.cells + k] * std::fmin(std::fmax(mean, -1), 1) + error[p.cells + k];
            }
        for (const Projection& s : projections) {
            if (!s.kind) continue;
            const int rows = s.pre < 0 ? n_in : populations[s.pre].n, columns = populations[s.post].n;
            const double* from = s.pre < 0 ? pre_in : pre + populations[s.pre].cells;
            const double* signal = (s.kind == 1 ? plateau : s.kind == 2 ? dendrite : post) + populations[s.post].cells;
            const double rate = s.rate * factor[sample];
            const float low = s.sign > 0 ? 0 : -INFINITY, high = s.sign > 0 ? INFINITY : 0;
            std::memset(soma_in, 0, padded(columns) * sizeof(double));
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
                    for (int j = 0; j < columns; j++) soma_in[j] += std::fabs(w[j]);
            }
            if (s.kind != 3) continue;
            for (int j = 0; j < columns; j++) soma_in[j] = soma_in[j] == 0 ? 1 : s.scale / soma_in[j];
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++) s.w[size_t(i) * s.stride + j] *= soma_in[j];
        }
        for (const Projection& s : projections) {
            if (s.tied < 0) continue;  // the scaled transpose of another one, whose rows have learned
            const Projection& of = projections[s.tied];
            const double* from = pre + populations[of.pre].cells;
            std::vector<int> learned;
            for (int j = 0; j < populations[of.pre].n; j++)
                if (from[j] != 0 || sample == 0) learned.push_back(j);
            for (int i0 = 0; i0 < populations[s.pre].n; i0 += 16)
                for (size_t k0 = 0; k0 < learned.size(); k0 += 16)
                    for (int i = i0; i < std::min(i0 + 16, populations[s.pre].n); i++)
                        for (size_t k = k0; k < std::min(k0 + 16, learned.size()); k++)
                            s.w[size_t(i) * s.stride + learned[k]] = s.scale * of.w[size_t(learned[k]) * of.stride + i];
        }
    }
    std::printf("seconds %.9g\ninput_spikes %lld\nspikes %lld\n", seconds() - began, (long long)spikes_in,
                (long long)spikes);
    std::vector<double> out;
    for (const Projection& s : projections)
        for (int i = 0; i < (s.pre < 0 ? n_in : populations[s.pre].n); i++)
            out.insert(out.end(), s.w + size_t(i) * s.stride, s.w + size_t(i) * s.stride + populations[s.post].n);
    in.write("w_out", out.data(), out.size());
}

int main(int, char** arguments) {
    const Folder in(arguments[1]);
    const int firing = in["firing"];
    if (firing == 0) run<0>(in);
    else if (firing == 1) run<1>(in);
    else run<2>(in);
}
