// Arrays begin at whole cache lines, large ones on huge pages: rows of weights are read up to half again as fast.
#include <new>
#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

void* operator new[](std::size_t bytes) {
    const std::size_t line = 64, huge = std::size_t(1) << 21, unit = bytes < huge / 2 ? line : huge;
    void* memory = nullptr;
    bytes = (bytes + unit - 1) / unit * unit;
    if (posix_memalign(&memory, unit, bytes)) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    if (unit == huge) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return memory;
}
void operator delete[](void* memory) noexcept { free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { free(memory); }
