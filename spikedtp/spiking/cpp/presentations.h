// Feeds presentations to a compiled Brian2 network and streams what was asked for to disk.
// Included by main.cpp of a generated project; `standalone.py` writes the loop that calls it.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace spikedtp {

[[noreturn]] inline void fail(const std::string& message) {
    std::cerr << "spikedtp: " << message << std::endl;
    std::_Exit(3);
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

class Presentations {
    struct Slice {              // an array that changes from presentation to presentation
        void* target;
        size_t bytes;
        std::FILE* file;
        std::vector<char> index;  // int64: which slice of the file each presentation uses
        int64_t loaded;
    };
    std::string inputs_, results_;
    std::vector<char> seeds_;     // int64, one per presentation
    std::map<std::string, Slice> slices_;
    std::map<std::string, std::FILE*> outputs_;

    std::FILE* output(const std::string& name) {
        auto found = outputs_.find(name);
        if (found != outputs_.end()) return found->second;
        std::FILE* file = std::fopen((results_ + name).c_str(), "wb");
        if (!file) fail("cannot write " + results_ + name);
        return outputs_[name] = file;
    }
    void write(const std::string& name, const void* data, size_t bytes) {
        std::FILE* file = output(name);
        if (bytes && std::fwrite(data, 1, bytes, file) != bytes) fail("cannot write " + results_ + name);
    }

public:
    explicit Presentations(const std::string& results) : results_(results) {
        const char* inputs = std::getenv("SPIKEDTP_INPUTS");
        if (!inputs) fail("SPIKEDTP_INPUTS is not set");
        inputs_ = std::string(inputs) + "/";
        seeds_ = read_file(inputs_ + "seeds");
    }
    int64_t count() const { return seeds_.size() / sizeof(int64_t); }
    unsigned long seed(int64_t k) const { return reinterpret_cast<const int64_t*>(seeds_.data())[k]; }

    // the whole file, once; a wrong length stops the run (Brian2's own run_args would only print a line)
    void constant(const std::string& name, void* target, size_t bytes) {
        const std::vector<char> data = read_file(inputs_ + name);
        if (data.size() != bytes)
            fail(name + " has " + std::to_string(data.size()) + " bytes, expected " + std::to_string(bytes));
        std::copy(data.begin(), data.end(), static_cast<char*>(target));
    }
    void per_presentation(const std::string& name, void* target, size_t bytes) {
        std::FILE* file = std::fopen((inputs_ + name).c_str(), "rb");
        if (!file) fail("cannot open " + inputs_ + name);
        Slice slice{target, bytes, file, read_file(inputs_ + name + ".index"), -1};
        if (slice.index.size() != seeds_.size()) fail(name + ".index has the wrong length");
        slices_[name] = slice;
    }
    void load(int64_t k) {
        for (auto& item : slices_) {
            Slice& s = item.second;
            const int64_t which = reinterpret_cast<const int64_t*>(s.index.data())[k];
            if (which == s.loaded) continue;
            if (std::fseek(s.file, which * (long)s.bytes, SEEK_SET) ||
                std::fread(s.target, 1, s.bytes, s.file) != s.bytes)
                fail("cannot read slice " + std::to_string(which) + " of " + item.first);
            s.loaded = which;
        }
    }
    template <class Kept, class T> void append(const std::string& name, const T* data, size_t n) {
        std::vector<Kept> values(data, data + n);
        write(name, values.data(), n * sizeof(Kept));
    }
    // events of one presentation: their number, then (time step, cell) pairs
    void append_spikes(const std::string& name, const double* t, const int32_t* i, size_t n, double dt) {
        const int64_t n_events = n;
        std::vector<int32_t> events(2 * n);
        for (size_t k = 0; k < n; k++) {
            events[2 * k] = (int32_t)(t[k] / dt + 0.5);
            events[2 * k + 1] = i[k];
        }
        write(name + ".counts", &n_events, sizeof n_events);
        write(name, events.data(), events.size() * sizeof(int32_t));
    }
    void done(int64_t k) { std::cout << "presentation " << k + 1 << std::endl; }
    void finish() {
        for (auto& item : outputs_)
            if (std::fclose(item.second)) fail("cannot write " + results_ + item.first);
        std::cout << "finished" << std::endl;
    }
};

}  // namespace spikedtp
