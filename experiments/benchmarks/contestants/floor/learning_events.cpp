// Learning events on a dense matrix: outer product and bounds; the rows' sums brought to a fixed value; or a scaled,
// transposed copy kept. Every loop touches a row (or eight) while it lies in the nearest cache.
#include "common.h"

struct Event {
    const int n_post, n_pre, wide, stride;
    const double low, high, scale;
    double *w, *copy;
    const int copy_stride;
};

template <bool summed> static double outer(double* row, const double* x, double gain, const Event& e) {
    const Vector* in = reinterpret_cast<const Vector*>(x);
    Vector* out = reinterpret_cast<Vector*>(row);
    const Vector low = Vector{} + e.low, high = Vector{} + e.high;
    Vector total[4] = {};
    for (int q = 0; q < e.wide / LANES; q += 4)
        for (int k = 0; k < 4; k++) {
            Vector v = out[q + k] + gain * in[q + k];
            v = v < low ? low : v;
            v = v > high ? high : v;
            out[q + k] = v;
            if (summed) total[k] += v;
        }
    double sum = 0;
    if (summed) {
        const Vector all = (total[0] + total[1]) + (total[2] + total[3]);
        for (int l = 0; l < LANES; l++) sum += all[l];
    }
    return sum;
}

// out[c][r] = scale * in[r][c] for eight rows and columns
inline void transpose_tile(const double* in, int stride, double* out, int out_stride, double scale) {
    typedef int64_t Index __attribute__((vector_size(LANES * sizeof(int64_t))));
    Vector a[LANES], b[LANES];
    for (int r = 0; r < LANES; r++) a[r] = scale * *reinterpret_cast<const Vector*>(in + size_t(r) * stride);
    for (int r = 0; r < LANES; r += 2) {
        b[r] = __builtin_shuffle(a[r], a[r + 1], Index{0, 8, 2, 10, 4, 12, 6, 14});
        b[r + 1] = __builtin_shuffle(a[r], a[r + 1], Index{1, 9, 3, 11, 5, 13, 7, 15});
    }
    for (int r = 0; r < LANES; r += 4)
        for (int k = 0; k < 2; k++) {
            a[r + k] = __builtin_shuffle(b[r + k], b[r + k + 2], Index{0, 1, 8, 9, 4, 5, 12, 13});
            a[r + k + 2] = __builtin_shuffle(b[r + k], b[r + k + 2], Index{2, 3, 10, 11, 6, 7, 14, 15});
        }
    for (int k = 0; k < 4; k++) {
        *reinterpret_cast<Vector*>(out + size_t(k) * out_stride) =
            __builtin_shuffle(a[k], a[k + 4], Index{0, 1, 2, 3, 8, 9, 10, 11});
        *reinterpret_cast<Vector*>(out + size_t(k + 4) * out_stride) =
            __builtin_shuffle(a[k], a[k + 4], Index{4, 5, 6, 7, 12, 13, 14, 15});
    }
}

int main(int, char** arguments) {
    const Folder in(arguments[1]);
    const int n_post = in["n_post"], n_pre = in["n_pre"], n_events = in["n_events"], kind = in["kind"];
    // rows of the copy: all padded columns, so that whole tiles can be written
    Event e{n_post, n_pre, padded(n_pre), row_stride(n_pre), in["low"], in["high"], in["scale"], nullptr, nullptr,
            row_stride(n_post)};
    e.w = allocate<double>(size_t(padded(n_post)) * e.stride);
    double* given = in.matrix("w", n_post, n_pre, e.stride);
    std::memcpy(e.w, given, size_t(n_post) * e.stride * sizeof(double));
    e.copy = allocate<double>(size_t(e.wide) * e.copy_stride);
    const int n_vectors = in["n_vectors"];
    const double* pre = in.matrix("pre", n_vectors, n_pre, e.stride);
    const std::vector<double> post = in.read<double>("post");

    const double began = seconds();
    for (int k = 0; k < n_events; k++) {
        const double* x = pre + size_t(k % n_vectors) * e.stride;
        const double* y = post.data() + size_t(k % n_vectors) * n_post;
        for (int i = 0; i < n_post; i++) {
            double* row = e.w + size_t(i) * e.stride;
            if (kind == 1) {  // weights are not negative: the sum is that of absolute values
                const double sum = outer<true>(row, x, y[i], e), factor = sum == 0 ? e.scale : e.scale / sum;
                for (int j = 0; j < e.wide; j++) row[j] *= factor;
            } else {
                outer<false>(row, x, y[i], e);
            }
            if (kind == 2 && (i % LANES == LANES - 1 || i == n_post - 1)) {
                const int first = i / LANES * LANES;
                for (int j = 0; j < n_pre; j += LANES)
                    transpose_tile(e.w + size_t(first) * e.stride + j, e.stride,
                                   e.copy + size_t(j) * e.copy_stride + first, e.copy_stride, e.scale);
            }
        }
    }
    std::printf("seconds %.9g\n", seconds() - began);
    in.write_matrix("w_out", e.w, n_post, n_pre, e.stride);
    if (kind == 2) in.write_matrix("copy", e.copy, n_pre, n_post, e.copy_stride);
}
