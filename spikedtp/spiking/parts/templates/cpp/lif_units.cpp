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
        {% if per_cell == 1 %}
        // membranes of those that move lie side by side until they have moved
        alignas(64) static double _moving[{{n + 16}}];
        static uint8_t _who[{{(n + 7) // 8}}];
        {% endif %}
        const __m256i _lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        for (int _k = 0; _k < {{n}}; _k += 8) {
            const __m512d _eight = _mm512_load_pd(_paces + _k);
            const __mmask8 _move = _mm512_cmp_pd_mask(_eight, _mm512_set1_pd({{least}}), _CMP_GT_OQ);
            _mm512_storeu_pd(_drive + _n, _mm512_maskz_compress_pd(_move, _eight));
            const __m256i _found = _mm256_maskz_compress_epi32(_move, _mm256_add_epi32(_mm256_set1_epi32(_k), _lanes));
            _mm256_storeu_si256((__m256i*)(_cells + _n), _found);
            {% if per_cell == 1 %}
            const __m512d _own = _mm512_maskz_loadu_pd(_move, {{_v}} + {{start}} + _k);
            _mm512_storeu_pd(_moving + _n, _mm512_maskz_compress_pd(_move, _own));
            _who[_k/8] = _move;
            {% endif %}
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
    {% if per_cell == 1 %}
    #ifdef __AVX512VL__
        for (int _k = 0; _k < _n; _k++) _moving[_k] = _drive[_k] + _kept*(_moving[_k] - _drive[_k]);
        for (int _k = 0; _k < _n; _k += 8) {
            const __mmask8 _listed = _n - _k < 8 ? (1 << (_n - _k)) - 1 : 0xff;
            const __m512d _eight = _mm512_load_pd(_moving + _k);
            unsigned _fire = _mm512_mask_cmp_pd_mask(_listed, _eight, _mm512_set1_pd(1), _CMP_GE_OQ);
            for (; _fire; _fire &= _fire - 1) {
                const int _place = _k + __builtin_ctz(_fire);
                _moving[_place] = _drive[_place]*(_moving[_place] - 1)/(_drive[_place] - 1);
                _spikes[_count++] = {{start}} + _cells[_place];
            }
        }
        const double* _next = _moving;
        for (int _k = 0; _k < {{n}}; _k += 8) {
            const __mmask8 _move = _who[_k/8];
            double* const _v = {{_v}} + {{start}} + _k;
            if ({{n}} - _k < 8) _mm512_mask_storeu_pd(_v, _move, _mm512_maskz_expandloadu_pd(_move, _next));
            else _mm512_storeu_pd(_v, _mm512_mask_expand_pd(_mm512_loadu_pd(_v), _move, _mm512_loadu_pd(_next)));
            _next += __builtin_popcount(_move);
        }
    #else
    {% endif %}
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
    {% if per_cell == 1 %}
    #endif
    {% endif %}
    }
{% endfor %}
    _spikes[{{eventspace_variable.size - 1}}] = _count;
{% endblock %}
{% block after_code %}
{{get_array_name(eventspace_variable)}}[{{eventspace_variable.size - 1}}] = 0;
{% endblock %}
