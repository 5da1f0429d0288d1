{# What leaky integrate-and-fire units do in a step: rates for all cells, then membranes of units that are asked for more
   than the least rate, then spikes and resets #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#ifdef __AVX512VL__
#include <immintrin.h>
#endif
{% endblock %}
{% macro _find_paces(part, start, per_cell, n) %}
        {
            {{scalar_code[part]|autoindent}}
            #pragma GCC ivdep
            for (int _k = 0; _k < {{n}}; _k++) {
                const size_t _idx = {{start}} + _k*{{per_cell}}, _vectorisation_idx = _idx;
                {{vector_code[part]|autoindent}}
                _paces[_k] = _pace;
            }
        }
{% endmacro %}
{% block maincode %}
{% set _events = get_array_name(eventspace_variable) %}
{% set _v = get_array_name(variables['membrane']) %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code['step']|autoindent}}
    int32_t* const _spikes = {{_events}};
    int _count = 0;
{% for start, stop, per_cell, unheard in blocks %}
{% set n = (stop - start) // per_cell %}
    {{'if (_calm) ' if unheard}}{
        // whole vectors: the last paces stay 0
        alignas(64) static double _paces[{{(n + 7) // 8 * 8}}], _drive[{{n + 8}}];
        static int32_t _cells[{{n + 8}}];
        {% if unheard %}
        {{_find_paces('calm', start, per_cell, n)}}
        {% else %}
        if (_calm) {{_find_paces('calm', start, per_cell, n)}}
        else {{_find_paces('pushed', start, per_cell, n)}}
        {% endif %}
        int _n = 0;
    #ifdef __AVX512VL__
        const __m256i _lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        for (int _k = 0; _k < {{n}}; _k += 8) {
            const __m512d _eight = _mm512_load_pd(_paces + _k);
            const __mmask8 _move = _mm512_cmp_pd_mask(_eight, _mm512_set1_pd({{least}}), _CMP_GT_OQ);
            _mm512_storeu_pd(_drive + _n, _mm512_maskz_compress_pd(_move, _eight));
            const __m256i _found = _mm256_maskz_compress_epi32(_move, _mm256_add_epi32(_mm256_set1_epi32(_k), _lanes));
            _mm256_storeu_si256((__m256i*)(_cells + _n), _found);
            _n += __builtin_popcount(_move);
        }
    #else
        for (int _k = 0; _k < {{n}}; _k++) {  // without branches: who moves is random
            _drive[_n] = _paces[_k];
            _cells[_n] = _k;
            _n += _paces[_k] > {{least}};
        }
    #endif
        for (int _k = 0; _k < _n; _k++) {
            const double _pace = _drive[_k], _z = 4*_pace*_pace;
            _drive[_k] = 0.5 + {{numerator}}/(4*_pace*{{denominator}});
        }
        for (int _k = 0; _k < _n; _k++) {
            const int _first = {{start}} + _cells[_k]*{{per_cell}};
            double* const _v = {{_v}} + _first;
            const double _to = _drive[_k];
            {% if per_cell in (2, 4, 8) %}{# GCC would take one unit after the other #}
            typedef double _Units __attribute__((vector_size({{8*per_cell}}), aligned(8), may_alias));
            const _Units _next = _to + _kept*(*(_Units*)_v - _to);
            *(_Units*)_v = _next;
            double _highest = _next[0];
            for (int _unit = 1; _unit < {{per_cell}}; _unit++) _highest = _highest < _next[_unit] ? _next[_unit] : _highest;
            {% else %}
            double _highest = 0;
            for (int _unit = 0; _unit < {{per_cell}}; _unit++) {
                _v[_unit] = _to + _kept*(_v[_unit] - _to);
                _highest = _highest < _v[_unit] ? _v[_unit] : _highest;
            }
            {% endif %}
            if (_highest < 1) continue;
            for (int _unit = 0; _unit < {{per_cell}}; _unit++) {
                if (_v[_unit] < 1) continue;
                _v[_unit] = _to*(_v[_unit] - 1)/(_to - 1);
                _spikes[_count++] = _first + _unit;
            }
        }
    }
{% endfor %}
    _spikes[{{eventspace_variable.size - 1}}] = _count;
{% endblock %}
{% block after_code %}
{{get_array_name(eventspace_variable)}}[{{eventspace_variable.size - 1}}] = 0;
{% endblock %}
