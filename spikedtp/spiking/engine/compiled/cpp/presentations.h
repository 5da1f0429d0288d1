// Feeds presentations to a compiled Brian2 network and streams what was asked for to disk.
// Included by every source of a generated project; `standalone.py` writes the loop that calls it.
#pragma once
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <map>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#if defined(__GLIBC__) && defined(__x86_64__) && !defined(__clang__)
// libm has them for vectors too, but tells compilers only under the whole of -ffast-math
extern "C" __attribute__((simd("notinbranch"))) double log(double) noexcept;
extern "C" __attribute__((simd("notinbranch"))) double exp(double) noexcept;
#endif

namespace spikedtp {

// Exp(1) draws from the uniform ones of a generator, in their order; logarithms are taken side by side.
class Exponentials {
    static const int size = 512;
    double draws_[size] = {};
    int next_ = size;

    template <class Generator> __attribute__((noinline)) void refill(Generator& generator) {
        for (int k = 0; k < size; k++) draws_[k] = 1 - generator.rand();
        for (int k = 0; k < size; k++) draws_[k] = -::log(draws_[k]);
        next_ = 0;
    }

public:
    constexpr Exponentials() {}
    void forget() { next_ = size; }  // after the generator was seeded
    template <class Generator> double next(Generator& generator) {
        if (next_ == size) refill(generator);
        return draws_[next_++];
    }
};
inline Exponentials& exponentials() {
    static Exponentials draws;
    return draws;
}

enum Status { OURS = 3, DISK = 4 };  // processes.py knows them

[[noreturn]] inline void fail(const std::string& message, Status status = OURS) {
    std::cerr << message << std::endl;
    std::_Exit(status);
}

inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline std::string variable(const char* name) {
    const char* value = std::getenv(name);
    if (!value) fail(std::string(name) + " is not set");
    return value;
}

// What this process is to do: presentations [first, last) of the batch. Others may run the rest.
struct Job {
    const std::string inputs = variable("SPIKEDTP_INPUTS") + "/", results = variable("SPIKEDTP_RESULTS") + "/";
    const int64_t first = std::stoll(variable("SPIKEDTP_FIRST")), last = std::stoll(variable("SPIKEDTP_LAST"));
    const bool tells = std::getenv("SPIKEDTP_PROGRESS") != nullptr;
    int64_t k = first, n_steps = 0;
    const int64_t keep_every = std::stoll(variable("SPIKEDTP_KEEP_EVERY"));
    double writing = 0;  // seconds
    bool keeps() const { return k + 1 == last || (keep_every && (k + 1) % keep_every == 0); }
};
inline Job& job() {
    static Job the_job;
    return the_job;
}

inline std::vector<char> read_file(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) fail("cannot open " + path);
    std::vector<char> data;
    char buffer[1 << 16];
    size_t n;
    while ((n = std::fread(buffer, 1, sizeof buffer, file)) > 0) data.insert(data.end(), buffer, buffer + n);
    if (std::ferror(file)) fail("cannot read " + path);
    std::fclose(file);
    return data;
}

inline int64_t element(const std::vector<char>& numbers, int64_t k) {
    return reinterpret_cast<const int64_t*>(numbers.data())[k];
}

// Every presentation has its place in a file, so that processes that share a batch fill one file between them.
class ResultFile {
    std::string path_;
    int file_;

public:
    explicit ResultFile(const std::string& name) : path_(job().results + name) {
        file_ = open(path_.c_str(), O_CREAT | O_WRONLY, 0600);
        if (file_ < 0) fail("cannot write " + path_ + ": " + std::strerror(errno), DISK);
    }
    // Space that is set aside is written to twice as fast, and a full disk is noticed at the start.
    void reserve(int64_t bytes_per_presentation) {
#ifdef __linux__
        const Job& j = job();
        if (fallocate(file_, 0, j.first * bytes_per_presentation, (j.last - j.first) * bytes_per_presentation) &&
            (errno == ENOSPC || errno == EFBIG))
            fail("no space for " + path_ + ", " + std::to_string(j.last * bytes_per_presentation) + " bytes", DISK);
#endif
    }
    void write(const void* data, size_t bytes, int64_t offset) {
        const double start = now();
        for (const char* from = static_cast<const char*>(data); bytes > 0;) {
            const ssize_t n = pwrite(file_, from, bytes, offset);
            if (n < 0 && errno != EINTR) fail("cannot write " + path_ + ": " + std::strerror(errno), DISK);
            if (n > 0) from += n, bytes -= n, offset += n;
        }
        job().writing += now() - start;
    }
};

inline ResultFile& result_file(const std::string& name) {
    static std::map<std::string, ResultFile> files;
    auto found = files.find(name);
    if (found == files.end()) found = files.emplace(name, ResultFile(name)).first;
    return found->second;
}

// One row per time step. The buffer is small enough to stay in the cache, whatever the presentation's length.
template <class Kept> class Trace {
    static const size_t capacity = (1 << 19) / sizeof(Kept);
    std::string name_;
    ResultFile& file_;
    std::vector<Kept> buffer_;
    size_t used_ = 0, width_ = 0;
    int64_t rows_ = 0, written_ = 0;

    void flush() {
        const int64_t presentation = job().n_steps * width_ * sizeof(Kept);
        if (written_ == 0 && job().k == job().first) file_.reserve(presentation);
        file_.write(buffer_.data(), used_ * sizeof(Kept), job().k * presentation + written_);
        written_ += used_ * sizeof(Kept);
        used_ = 0;
    }

public:
    explicit Trace(const std::string& name) : name_(name), file_(result_file(name)) {}
    Kept* row(size_t width) {
        if (used_ + width > buffer_.size()) {
            if (used_) flush();
            width_ = width;
            buffer_.resize(width > capacity ? width : capacity);
        }
        Kept* const row = buffer_.data() + used_;
        used_ += width;
        rows_++;
        return row;
    }
    void end() {
        if (rows_ != job().n_steps) fail(name_ + " has " + std::to_string(rows_) + " rows");
        flush();
        rows_ = written_ = 0;
    }
};
template <class Kept> inline Trace<Kept>& trace(const std::string& name) {
    static std::map<std::string, Trace<Kept>> traces;
    auto found = traces.find(name);
    if (found == traces.end()) found = traces.emplace(name, Trace<Kept>(name)).first;
    return found->second;
}

// (time step, cell) pairs in the order in which they happen. How many there will be is not known: a file per process.
class Events {
    static const size_t capacity = 1 << 16;
    ResultFile &file_, &counts_;
    std::vector<int32_t> pairs_;
    size_t used_ = 0;
    int64_t count_ = 0, written_ = 0;

    void flush() {
        file_.write(pairs_.data(), used_ * sizeof(int32_t), written_);
        written_ += used_ * sizeof(int32_t);
        used_ = 0;
    }

public:
    explicit Events(const std::string& name)
        : file_(result_file(name + "." + std::to_string(job().first))), counts_(result_file(name + ".counts")) {
        pairs_.resize(capacity);
    }
    // cells of a step, counted from `start`
    void add(int32_t step, const int32_t* cells, size_t n, int32_t start) {
        if (used_ + 2 * n > pairs_.size()) {
            flush();
            if (2 * n > pairs_.size()) pairs_.resize(2 * n);
        }
        int32_t* const pairs = pairs_.data() + used_;
        for (size_t k = 0; k < n; k++) {
            pairs[2 * k] = step;
            pairs[2 * k + 1] = cells[k] - start;
        }
        used_ += 2 * n;
        count_ += n;
    }
    void end() {
        flush();
        counts_.write(&count_, sizeof count_, job().k * sizeof count_);
        count_ = 0;
    }
};
inline Events& events(const std::string& name) {
    static std::map<std::string, Events> all;
    auto found = all.find(name);
    if (found == all.end()) found = all.emplace(name, Events(name)).first;
    return found->second;
}

template <class Kept, class T> void keep(const std::string& name, const T* data, size_t n) {
    const std::vector<Kept> values(data, data + n);
    result_file(name).write(values.data(), n * sizeof(Kept), job().k * n * sizeof(Kept));
}

// What one presentation leaves to the next, each time it is kept.
inline void keep_lasting(const std::string& name, const void* data, size_t bytes) {
    const int64_t time = job().keep_every ? job().k / job().keep_every : 0;
    result_file("lasting." + name).write(data, bytes, time * bytes);
}

// A table with a row for every time step: some rows of it are in memory, read when time reaches them.
class Stream {
    const std::string path_;
    const int file_;
    const std::vector<char> index_;  // int64: which table of the file each presentation uses

public:
    explicit Stream(const std::string& name)
        : path_(job().inputs + name), file_(open(path_.c_str(), O_RDONLY)), index_(read_file(path_ + ".index")) {
        if (file_ < 0) fail("cannot open " + path_);
    }
    void read(void* target, int64_t step, int64_t rows, size_t row_bytes) {
        const int64_t n_steps = job().n_steps, which = element(index_, job().k);
        if (step + rows > n_steps) rows = n_steps - step;
        size_t bytes = rows * row_bytes;
        off_t offset = (which * n_steps + step) * (off_t)row_bytes;
        for (char* to = static_cast<char*>(target); bytes > 0;) {
            const ssize_t n = pread(file_, to, bytes, offset);
            if (n == 0 || (n < 0 && errno != EINTR)) fail("cannot read step " + std::to_string(step) + " of " + path_);
            if (n > 0) to += n, bytes -= n, offset += n;
        }
    }
};
inline Stream& stream(const std::string& name) {
    static std::map<std::string, Stream> streams;
    auto found = streams.find(name);
    if (found == streams.end()) found = streams.emplace(name, name).first;
    return found->second;
}

class Presentations {
    struct Slice {  // an array that changes from presentation to presentation
        void* target;
        size_t bytes;
        std::FILE* file;
        std::vector<char> index;  // int64: which slice of the file each presentation uses
        int64_t loaded;
    };
    std::vector<char> seeds_;  // int64, one per presentation
    std::map<std::string, Slice> slices_;
    double started_ = 0;

public:
    explicit Presentations(int64_t n_steps) : seeds_(read_file(job().inputs + "seeds")) {
        job().n_steps = n_steps;
        std::signal(SIGXFSZ, SIG_IGN);  // then writing fails, and says so
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL);  // a caller that is killed cannot stop us
#endif
    }
    unsigned long seed() const { return element(seeds_, job().k); }

    // the whole file, once; a wrong length stops the run (Brian2's own run_args would only print a line)
    void constant(const std::string& name, void* target, size_t bytes) {
        const std::vector<char> data = read_file(job().inputs + name);
        if (data.size() != bytes)
            fail(name + " has " + std::to_string(data.size()) + " bytes, expected " + std::to_string(bytes));
        std::copy(data.begin(), data.end(), static_cast<char*>(target));
    }
    void per_presentation(const std::string& name, void* target, size_t bytes) {
        std::FILE* file = std::fopen((job().inputs + name).c_str(), "rb");
        if (!file) fail("cannot open " + job().inputs + name);
        Slice slice{target, bytes, file, read_file(job().inputs + name + ".index"), -1};
        if (slice.index.size() != seeds_.size()) fail(name + ".index has the wrong length");
        slices_[name] = slice;
    }
    void load() {
        if (job().k == job().first) started_ = now();
        for (auto& item : slices_) {
            Slice& s = item.second;
            const int64_t which = element(s.index, job().k);
            if (which == s.loaded) continue;
            if (std::fseek(s.file, which * (long)s.bytes, SEEK_SET) ||
                std::fread(s.target, 1, s.bytes, s.file) != s.bytes)
                fail("cannot read slice " + std::to_string(which) + " of " + item.first);
            s.loaded = which;
        }
    }
    void done() {
        if (job().tells) std::cout << "done" << std::endl;
    }
    void finish() const {
        long peak = 0;  // KiB
#ifdef __linux__  // getrusage would count the caller, from which this process was forked
        const std::vector<char> data = read_file("/proc/self/status");
        const std::string status(data.begin(), data.end());
        const char* line = std::strstr(status.c_str(), "VmHWM:");
        if (line) peak = std::atol(line + 6);
#endif
        if (!peak) {
            rusage usage;
            getrusage(RUSAGE_SELF, &usage);
            peak = usage.ru_maxrss;
        }
        std::cout << "finished " << now() - started_ << " " << job().writing << " " << peak << std::endl;
    }
};

}  // namespace spikedtp
