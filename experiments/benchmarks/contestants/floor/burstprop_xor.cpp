// The XOR network of Burstprop by hand: 5 x n cells, single precision, all connections as lists of their targets.
//     burstprop_xor N EXAMPLES SEED
// prints CPU seconds of the time steps and the event and burst rates of the five populations in the late windows of the
// last four examples. One example settles first, as in the experiment; then the four are shown in turn, and learned
// from the second time on. CPU seconds are those after the first epoch of learning.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <vector>

static const int STEPS = 80000, TEACH = 72000;
static int n, all;
static float *v, *u, *ws, *wd, *theta, *ges, *gis, *ged, *gid, *is, *id;  // state of all cells, and both currents
static int32_t *ready, *bursts_at;

static float* filled(float value) {
    float* values = static_cast<float*>(std::aligned_alloc(64, (all + 63) / 64 * 64 * sizeof(float)));
    std::fill(values, values + all, value);
    return values;
}

struct Random {  // xoshiro128+ in 16 lanes
    uint32_t s[4][16];
    explicit Random(uint32_t seed) {
        std::mt19937 first(seed);
        for (auto& word : s) for (uint32_t& each : word) each = first();
    }
    void next(float* out) {  // 16 numbers in (0, 1]
        for (int l = 0; l < 16; l++) {
            const uint32_t sum = s[0][l] + s[3][l], shifted = s[1][l] << 9;
            s[2][l] ^= s[0][l], s[3][l] ^= s[1][l], s[1][l] ^= s[2][l], s[0][l] ^= s[3][l], s[2][l] ^= shifted;
            s[3][l] = (s[3][l] << 11) | (s[3][l] >> 21);
            out[l] = (int32_t(sum >> 8) + 1) * 5.9604645e-8f;
        }
    }
};

static inline float log_of(float value) {  // of a number in (0, 1], so that it vectorises: exponent and a series
    int32_t bits;
    std::memcpy(&bits, &value, 4);
    const int32_t exponent = (bits - 0x3f3504f3) >> 23;
    bits -= exponent << 23;
    float mantissa;
    std::memcpy(&mantissa, &bits, 4);
    const float s = (mantissa - 1) / (mantissa + 1), s2 = s * s;
    return exponent * 0.69314718f + 2 * s * (1 + s2 * (1 / 3.0f + s2 * (1 / 5.0f + s2 * (1 / 7.0f + s2 / 9))));
}

struct Noise {  // Poisson spikes of neighbouring cells: the number of cells and steps between two is geometric
    Random random;
    float* to;
    int cells;
    float jump, scale;
    int32_t gaps[256];
    int used = 256;
    int64_t place;
    Noise(uint32_t seed, float* to, int cells, float rate, float jump)
        : random(seed), to(to), cells(cells), jump(jump), scale(1 / std::log1p(-rate * 1e-4f)) { place = gap(); }
    int32_t gap() {
        if (used == 256) {
            float draws[256];
            for (int k = 0; k < 256; k += 16) random.next(draws + k);
            for (int k = 0; k < 256; k++) gaps[k] = int32_t(log_of(draws[k]) * scale);
            used = 0;
        }
        return gaps[used++];
    }
    void step() {
        for (; place < cells; place += 1 + gap()) to[place] += jump;
        place -= cells;
    }
};

struct Detector {
    std::vector<float> recent;
    std::vector<int32_t> last;
    std::vector<char> event;
    const float jump;
    explicit Detector(float jump) : recent(all), last(all), event(all), jump(jump) {}
    int found(int i, int t) {  // 1: an event, 2: a burst, 0: neither
        recent[i] *= expf((last[i] - t) * (1e-4f / 16e-3f));
        last[i] = t;
        const bool early = recent[i] >= 0.36787944f;
        const int kind = early ? (event[i] ? 2 : 0) : 1;
        event[i] = !early;
        recent[i] += jump;
        return kind;
    }
};

struct Lists {  // for each source its targets, and for each target the places of its weights
    std::vector<int32_t> begin, back_begin, back_place, back_source;
    std::vector<uint16_t> target;
    std::vector<float> weight;
    Lists(int sources, int targets, double p, std::mt19937& random, float w) : begin(1) {
        std::bernoulli_distribution exists(p);
        for (int i = 0; i < sources; i++) {
            for (int j = 0; j < targets; j++) if (exists(random)) target.push_back(j);
            begin.push_back(target.size());
        }
        weight.assign(target.size(), w);
        std::vector<std::vector<std::pair<int, int>>> back(targets);
        for (int i = 0; i < sources; i++) for (int k = begin[i]; k < begin[i + 1]; k++) back[target[k]].push_back({k, i});
        back_begin.push_back(0);
        for (const auto& each : back) {
            for (const auto& pair : each) back_place.push_back(pair.first), back_source.push_back(pair.second);
            back_begin.push_back(back_place.size());
        }
    }
    void send(int i, float* to) const {
        for (int k = begin[i]; k < begin[i + 1]; k++) to[target[k]] += weight[k];
    }
};

static void update() {
    const float a = 1e-4f / 370e-12f, b = 1e-4f / 170e-12f, exc = expf(-1e-4f / 5e-3f), inh = expf(-1e-4f / 10e-3f);
    const float soma = 1e-4f / 16e-3f, dend = 1e-4f / 7e-3f, jump = 1e-4f * -200e-12f / 370e-12f;
    const float adapt = 1e-4f * -13e-9f / 170e-12f, fade = expf(-1e-4f / 100e-3f), slow = 1e-4f / 30e-3f, rest = 1e-4f / 27e-3f;
    float *__restrict V = v, *__restrict U = u, *__restrict W = ws, *__restrict X = wd, *__restrict T = theta;
    float *__restrict A = ges, *__restrict B = gis, *__restrict C = ged, *__restrict D = gid;
    const float *__restrict I = is, *__restrict J = id;
    const int cells = all;
    #pragma GCC ivdep
    for (int i = 0; i < cells; i++) {
        float s = V[i] + a * I[i], d = U[i] + b * J[i];
        const float up = -s, down = -0.08f - s, from_s = A[i] * up + B[i] * down, from_d = C[i] * up + D[i] * down;
        A[i] *= exc, B[i] *= inh, C[i] *= exc, D[i] *= inh;
        s += soma * (-0.07f - s + from_s) + jump * W[i];
        d += dend * (-0.07f - d + from_d) + adapt * X[i];
        W[i] *= fade, X[i] += slow * (d + 0.07f - X[i]), T[i] += rest * (-0.05f - T[i]);
        V[i] = s, U[i] = d;
    }
}

static void find(int now, std::vector<int32_t>& fired) {
    fired.clear();
    const float *__restrict V = v, *__restrict T = theta;
    const int32_t *__restrict R = ready, *__restrict B = bursts_at;
    const int cells = all;
    for (int i = 0; i < cells; i += 64) {
        const int stop = std::min(i + 64, cells);
        int32_t any = 0;
        for (int k = i; k < stop; k++) any |= ((V[k] > T[k]) & (now >= R[k])) | (now == B[k]);
        for (int k = i; any && k < stop; k++)
            if ((V[k] > T[k] && now >= R[k]) || now == B[k]) fired.push_back(k);
    }
}

int main(int, char** arguments) {
    n = std::atoi(arguments[1]), all = 5 * n;
    const int examples = std::atoi(arguments[2]), seed = std::atoi(arguments[3]);
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform;
    v = filled(-0.07f), u = filled(-0.07f), ws = filled(0), wd = filled(1e-4f), theta = filled(-0.05f);
    ges = filled(0), gis = filled(0), ged = filled(0), gid = filled(0), is = filled(0), id = filled(0);
    ready = reinterpret_cast<int32_t*>(filled(0)), bursts_at = reinterpret_cast<int32_t*>(filled(0));
    std::fill(bursts_at, bursts_at + all, -1);
    float* bias = filled(0);
    std::fill(bias + 3 * n, bias + 4 * n, 500e-12f), std::fill(bias + 4 * n, bias + all, 400e-12f);
    const double p = std::min(1.0, 100.0 / n);
    Lists to_hidden(2 * n, 2 * n, p, random, .234f), to_output(2 * n, n, p, random, .234f);
    Lists inhibit_hidden(2 * n, 2 * n, p, random, .25f), inhibit_output(2 * n, n, p, random, .25f);
    Lists back_exc(n, 2 * n, p, random, .26f), back_inh(n, 2 * n, p, random, .06f);
    for (size_t k = 0; k < back_exc.weight.size(); k++) if (back_exc.target[k] >= n) back_exc.weight[k] = .026f;
    for (size_t k = 0; k < back_inh.weight.size(); k++) if (back_inh.target[k] >= n) back_inh.weight[k] = .27f;
    std::vector<Noise> noise;
    const auto hear = [&](float* exc, float* inh, int from, int to, float rate, float w_exc, float w_inh) {
        noise.emplace_back(random(), exc + from * n, (to - from) * n, rate, w_exc);
        noise.emplace_back(random(), inh + from * n, (to - from) * n, rate, w_inh);
    };
    hear(ges, gis, 0, 2, 500, .35f, .35f), hear(ges, gis, 2, 4, 150, .385f, .49f), hear(ges, gis, 4, 5, 150, .35f, .35f);
    hear(ged, gid, 0, 5, 500, .05f, .05f);
    Detector sent(expf(0.8f / 16)), seen(1);
    std::vector<float> x(all), events(all), bursts(all), rate(all, .1f);
    std::vector<int32_t> x_at(all), seen_at(all), fired;
    std::vector<char> kinds(all);
    fired.reserve(all);
    double counts[2][5] = {};
    auto began = std::clock();
    int now = 0;
    for (int example = 0; example < examples; example++) {
        const int shown = (example + 3) % 4, bits[2] = {shown & 1, shown >> 1};
        const bool learns = example > 4, target = bits[0] != bits[1];
        if (example == 9) began = std::clock();
        for (int k = 0; k < 2; k++)
            std::fill(is + k * n, is + (k + 1) * n, example ? (bits[k] ? 150e-12f : -350e-12f) : 0);
        std::copy(bias, bias + all, id);
        for (int t = 0; t < STEPS; t++, now++) {
            const bool plastic = learns && t >= TEACH, late = t >= STEPS / 2 && t < TEACH && example >= examples - 4;
            if (learns && t == TEACH)
                for (int i = 4 * n; i < all; i++) {
                    const float e = events[i] * expf((seen_at[i] - now) * 5e-5f), some = std::min(std::max(e, 3.f), 9.f);
                    id[i] += target ? (e < 9 ? 1000e-12f / (some - 2) : 0) : (e > 3 ? -1000e-12f / (10 - some) : 0);
                }
            update();
            find(now, fired);
            for (const int i : fired) {
                if (now >= ready[i]) {
                    const bool second = uniform(random) < 1 / (1 + expf(-(u[i] + 57e-3f) / 6e-3f));
                    bursts_at[i] = second ? now + int(50 + 100 * uniform(random)) - 1 : -1;
                    v[i] = -70e-3f, theta[i] += 2e-3f, ws[i] += 1;
                }
                ready[i] = now + 200;
                const int kind = sent.found(i, now);
                if (kind == 2 && i >= 4 * n) back_exc.send(i - 4 * n, ged + 2 * n), back_inh.send(i - 4 * n, gid + 2 * n);
                if (kind != 1 || i >= 4 * n) continue;
                const int j = i < 2 * n ? i : i - 2 * n, first = i < 2 * n ? 2 * n : 4 * n;
                Lists& out = i < 2 * n ? to_hidden : to_output;
                out.send(j, ges + first), (i < 2 * n ? inhibit_hidden : inhibit_output).send(j, gis + first);
                if (plastic)
                    for (int k = out.begin[j]; k < out.begin[j + 1]; k++) {
                        const float low = 2 - rate[first + out.target[k]];
                        if (low > 0) out.weight[k] = std::min(1.f, out.weight[k] + (i < 2 * n ? 8e-3f : 4e-3f) * low);
                    }
                x[i] = x[i] * expf((x_at[i] - now) * 1e-3f) + 1, x_at[i] = now;
            }
            for (Noise& each : noise) each.step();
            const float forget = 1 - 1e-4f / 30;
            float* const __restrict rates = rate.data();
            for (int i = 0, cells = all; i < cells; i++) rates[i] *= forget;
            for (const int i : fired) {
                const int kind = seen.found(i, now);
                if (late && kind) counts[kind - 1][i / n]++;
                const float left = expf((seen_at[i] - now) * 5e-5f);
                events[i] *= left, bursts[i] *= left, seen_at[i] = now;
                if (kind && plastic && i >= 2 * n) {
                    const float e = events[i], h = e > 10 ? -(e - 10) / e : 0, P = e > 0 ? std::min(bursts[i] / e, 1.f) : 1;
                    const float change = (i < 4 * n ? 8e-3f : 4e-3f) * (kind == 1 ? h - P : 1 + h);
                    Lists& in = i < 4 * n ? to_hidden : to_output;
                    const int j = i < 4 * n ? i - 2 * n : i - 4 * n, source = i < 4 * n ? 0 : 2 * n;
                    for (int k = in.back_begin[j]; k < in.back_begin[j + 1]; k++) {
                        const int s = source + in.back_source[k];
                        float& w = in.weight[in.back_place[k]];
                        w = std::min(1.f, std::max(0.f, w + change * x[s] * expf((x_at[s] - now) * 1e-3f)));
                    }
                }
                (kind == 1 ? events : bursts)[i] += kind ? .5f : 0;
                rate[i] += 1 / 30.f;
            }
        }
    }
    std::printf("cpu_seconds %.9g\n", double(std::clock() - began) / CLOCKS_PER_SEC);
    const double time = std::min(examples, 4) * (TEACH - STEPS / 2) * 1e-4 * n;
    for (int k = 0; k < 5; k++) std::printf("events_%d %.9g\nbursts_%d %.9g\n", k, counts[0][k] / time, k, counts[1][k] / time);
}
