{# Brian2's threshold in two passes: the condition for all cells, which vectorises, then the list of those that fired #}
{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <cstring>
#ifdef __AVX512VBMI2__
#include <immintrin.h>
#endif
{% endblock %}
{% block maincode %}
{% set _events = get_array_name(eventspace_variable) %}
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    alignas(64) static char _fired[(N + 63)/64*64];  // the last ones stay 0
    #pragma GCC ivdep
    for (size_t _idx = 0; _idx < N; _idx++) {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
        _fired[_idx] = _cond;
    }
    // without branches inside a block: who fires is random
    long _count = 0;
    {
        size_t _idx = 0;
    #ifdef __AVX512VBMI2__
        alignas(64) static const char _places[64] = { {{range(64) | join(', ')}} };
        const __m512i _place = _mm512_load_si512(_places);
        for (; _idx + 64 <= N; _idx += 64) {  // so every place that a store touches belongs to the list
            const __m512i _block = _mm512_load_si512(_fired + _idx);
            const uint64_t _mask = _mm512_test_epi8_mask(_block, _block);
            __m512i _found = _mm512_maskz_compress_epi8(_mask, _place);
            const int _n = __builtin_popcountll(_mask);
            for (int _k = 0;; _k += 16) {
                const __m512i _cells = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(_found));
                _mm512_storeu_si512({{_events}} + _count + _k, _mm512_add_epi32(_cells, _mm512_set1_epi32(_idx)));
                if (_k + 16 >= _n) break;
                _found = _mm512_maskz_compress_epi32(0xfff0, _found);
            }
            _count += _n;
        }
    #endif
        for (; _idx < N; _idx += 8) {
            uint64_t _eight;
            std::memcpy(&_eight, _fired + _idx, 8);
            if (!_eight) continue;
            for (size_t _k = _idx; _k < _idx + 8; _k++) {
                {{_events}}[_count] = _k;
                _count += _fired[_k];
            }
        }
    }
    {{_events}}[N] = _count;
    {% if _uses_refractory %}
    for (long _event = 0; _event < _count; _event++) {
        {{not_refractory}}[{{_events}}[_event]] = false;
        {{lastspike}}[{{_events}}[_event]] = {{t}};
    }
    {% endif %}
{% endblock %}
{% block after_code %}
{% set _events = get_array_name(eventspace_variable) %}
{{_events}}[N] = 0;
{% endblock %}
