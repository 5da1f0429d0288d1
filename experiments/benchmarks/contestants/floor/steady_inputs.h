// Inputs whose rate stays the same for a whole presentation: Poisson with dead time (0), regular (1), or
// integrate-and-fire units (2). The latter two know at the start when they will fire.
#pragma once
#include "common.h"

#include <algorithm>

template <class Draw> static double uniform(Draw& draw) { return 1 - std::exp(-draw()); }

struct Poisson {  // dead time, and the least share of free time
    double dt, dead, least_free;
    explicit Poisson(const Folder& in) : dt(in["dt"]), dead(in["dead_time"]), least_free(in["least_free_time"]) {}
    double hazard(double rate) const { return rate / std::fmax(1 - rate * dead, least_free) * dt; }  // of a time step
};

class SteadyInputs {
    const int n, n_steps, firing, words;
    const double dt, rate, most, tau, least;
    const Poisson poisson;
    double *left, *passing;
    int* found;
    uint64_t* bits;

public:
    std::vector<int> fired;

    explicit SteadyInputs(const Folder& in)
        : n(in["n_inputs"]), n_steps(in["n_steps"]), firing(in["input_firing"]), words((n + 63) / 64), dt(in["dt"]),
          rate(in["input_rate"]), most(in["max_input_rate"]), tau(in["tau_lif"]), least(in["least_lif_rate"]),
          poisson(in), left(allocate<double>(padded(n))), passing(allocate<double>(padded(n))),
          found(allocate<int>(padded(n) + LANES)), bits(allocate<uint64_t>(size_t(n_steps) * words)) {}

    void begin(const double* shown, Exponentials& draw) {
        if (firing) std::memset(bits, 0, size_t(n_steps) * words * sizeof(uint64_t));
        for (int i = 0; i < padded(n); i++) {
            const double wanted = i < n ? std::fmin(std::fmax(rate * shown[i], 0), most) : 0;
            if (!firing) {
                passing[i] = poisson.hazard(wanted);
                left[i] = i < n ? draw() : 1;
                continue;
            }
            const double p = wanted * tau;
            double first = uniform(draw);
            if (wanted == 0 || (firing == 2 && p <= least)) continue;
            if (firing == 2) first = 1 + p * std::log(1 - first * (1 - std::exp(-1 / std::fmax(p, least))));
            for (double time = first / (wanted * dt); time <= n_steps; time += 1 / (wanted * dt))
                bits[std::max(int(std::ceil(time)) - 1, 0) * words + i / 64] |= uint64_t(1) << i % 64;
        }
    }
    void step(int t, Exponentials& draw) {
        fired.clear();
        if (firing) {
            for (int k = 0; k < words; k++)
                for (uint64_t word = bits[t * words + k]; word; word &= word - 1)
                    fired.push_back(64 * k + __builtin_ctzll(word));
            return;
        }
        for (int i = 0; i < padded(n); i++) left[i] -= passing[i];
        const int some = crossed(left, padded(n), found);
        const double* fresh = draw.take(some);
        for (int k = 0; k < some; k++) left[found[k]] += fresh[k] + passing[found[k]] * poisson.dead / dt;
        fired.assign(found, found + some);
    }
};
