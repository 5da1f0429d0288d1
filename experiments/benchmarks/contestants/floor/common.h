// What the hand-written programs share: memory, files, random numbers, thresholds, sums of rows, a stopwatch.
// Double precision throughout. Rows are padded to whole vectors of 8; the padding holds 0 and is never read back.
#pragma once
#include <sys/mman.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>
#ifdef __AVX512VL__
#include <immintrin.h>
#endif

constexpr int LANES = 8;   // doubles in a vector
constexpr int BLOCK = 64;  // columns that stay in registers while rows are summed
typedef double Vector __attribute__((vector_size(LANES * sizeof(double))));

inline int padded(int n) { return (n + BLOCK - 1) / BLOCK * BLOCK; }
// not a multiple of 4096 bytes: rows would all fall into the same sets of the cache
inline int row_stride(int n) { return padded(n) + LANES; }

// zeroed memory on huge pages, where the system gives them
template <class T> T* allocate(size_t n) {
    const size_t page = size_t(1) << 21, bytes = (n * sizeof(T) + page - 1) / page * page;
    void* memory = std::aligned_alloc(page, bytes);
    if (!memory) { std::fprintf(stderr, "out of memory\n"); std::exit(3); }
    madvise(memory, bytes, MADV_HUGEPAGE);
    std::memset(memory, 0, bytes);
    return static_cast<T*>(memory);
}

struct Folder {  // arrays as raw files, numbers as lines `name value` of the file `numbers`
    std::string path;
    std::map<std::string, double> numbers;
    explicit Folder(const char* p) : path(std::string(p) + "/") {
        std::ifstream file(path + "numbers");
        std::string name;
        double value;
        while (file >> name >> value) numbers[name] = value;
    }
    double operator[](const std::string& name) const {
        const auto found = numbers.find(name);
        if (found == numbers.end()) { std::fprintf(stderr, "no number %s\n", name.c_str()); std::exit(3); }
        return found->second;
    }
    template <class T> std::vector<T> read(const std::string& name) const {
        std::ifstream file(path + name, std::ios::binary | std::ios::ate);
        if (!file) { std::fprintf(stderr, "no array %s\n", name.c_str()); std::exit(3); }
        std::vector<T> values(size_t(file.tellg()) / sizeof(T));
        file.seekg(0).read(reinterpret_cast<char*>(values.data()), values.size() * sizeof(T));
        return values;
    }
    // (rows, columns) into rows of `stride`
    double* matrix(const std::string& name, int rows, int columns, int stride) const {
        const std::vector<double> values = read<double>(name);
        double* out = allocate<double>(size_t(rows) * stride);
        for (int r = 0; r < rows; r++)
            std::memcpy(out + size_t(r) * stride, values.data() + size_t(r) * columns, columns * sizeof(double));
        return out;
    }
    template <class T> void write(const std::string& name, const T* data, size_t n) const {
        std::ofstream(path + name, std::ios::binary).write(reinterpret_cast<const char*>(data), n * sizeof(T));
    }
    void write_matrix(const std::string& name, const double* data, int rows, int columns, int stride) const {
        std::ofstream file(path + name, std::ios::binary);
        for (int r = 0; r < rows; r++)
            file.write(reinterpret_cast<const char*>(data + size_t(r) * stride), columns * sizeof(double));
    }
};

class Exponentials {  // Exp(1) draws: eight xoshiro256+ streams side by side, logarithms by the vector library
    static constexpr int N = 8192;
    uint64_t s[4][LANES];
    double draws[N];
    int next = N;
    __attribute__((noinline)) void refill() {
        uint64_t bits[N];
        for (int b = 0; b < N; b += LANES)
            for (int l = 0; l < LANES; l++) {
                bits[b + l] = s[0][l] + s[3][l];
                const uint64_t t = s[1][l] << 17;
                s[2][l] ^= s[0][l]; s[3][l] ^= s[1][l]; s[1][l] ^= s[2][l]; s[0][l] ^= s[3][l];
                s[2][l] ^= t;
                s[3][l] = (s[3][l] << 45) | (s[3][l] >> 19);
            }
        for (int b = 0; b < N; b++) {
            const uint64_t one_to_two = (bits[b] >> 12) | 0x3ff0000000000000ull;
            double u;
            std::memcpy(&u, &one_to_two, sizeof u);
            draws[b] = -std::log(2.0 - u);
        }
        next = 0;
    }

public:
    explicit Exponentials(uint64_t seed) {
        for (auto& word : s)
            for (auto& x : word) {  // splitmix64
                uint64_t z = seed += 0x9e3779b97f4a7c15ull;
                z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
                z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
                x = z ^ (z >> 31);
            }
    }
    double operator()() {
        if (next == N) refill();
        return draws[next++];
    }
    const double* take(int n) {  // n draws side by side; at most N
        if (next + n > N) refill();
        next += n;
        return draws + next - n;
    }
};

// indices of x <= 0 among the first n (a multiple of 8); `list` needs 8 places more than it may hold
inline int crossed(const double* x, int n, int* list) {
    int found = 0;
#ifdef __AVX512VL__
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (int i = 0; i < n; i += LANES) {
        const __mmask8 below = _mm512_cmp_pd_mask(_mm512_load_pd(x + i), _mm512_setzero_pd(), _CMP_LE_OQ);
        const __m256i which = _mm256_maskz_compress_epi32(below, _mm256_add_epi32(_mm256_set1_epi32(i), lane));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(list + found), which);
        found += __builtin_popcount(below);
    }
#else
    for (int i = 0; i < n; i++) {
        list[found] = i;
        found += x[i] <= 0;
    }
#endif
    return found;
}

// sum[0..BLOCK) = the sum of `rows` from column `first` on, in registers
inline void sum_rows(const double* w, size_t stride, const int* rows, int n, int first, double* sum) {
    Vector total[BLOCK / LANES] = {};
    for (int k = 0; k < n; k++) {
        const Vector* row = reinterpret_cast<const Vector*>(w + rows[k] * stride + first);
        for (int q = 0; q < BLOCK / LANES; q++) {
            total[q] += row[q];
            __builtin_prefetch(&row[q + BLOCK / LANES]);  // of the next block: helps where rows come from memory
        }
    }
    std::memcpy(sum, total, sizeof total);
}

inline double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <bool on> struct Stopwatch {  // time of each part of a step; costs nothing when off
    std::vector<std::string> names;
    std::vector<double> spent;
    double last = 0;
    explicit Stopwatch(std::vector<std::string> n) : names(n), spent(n.size()) {}
    void start() { if (on) last = seconds(); }
    void stop(int part) {
        if (!on) return;
        const double now = seconds();
        spent[part] += now - last;
        last = now;
    }
    void print() const {
        for (size_t k = 0; on && k < names.size(); k++) std::printf("split_%s %.9g\n", names[k].c_str(), spent[k]);
    }
};
