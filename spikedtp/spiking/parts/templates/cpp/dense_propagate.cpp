{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
#ifdef __AVX512F__
#include <immintrin.h>
#endif
{% endblock %}
{% set _w = get_array_name(variables['w']) %}
{% set _target = get_array_name(variables[target]) %}
{% set _weight = c_data_type(variables['w'].dtype) %}
{# sums are as precise as the target: weights of single precision halve what has to be read, and nothing else #}
{% set _wide = c_data_type(sum_dtype) %}
{% set _row_of_spike = '*_spike' if per_cell == 1 else '((*_spike - ' ~ spike_start ~ ')/' ~ per_cell ~ ')' %}
{# a variable that Brian2 does not write while its cell is refractory #}
{% set _condition = variables[target].conditional_write %}
{% macro _where(column) %}{% if _condition %}if (_writable[{{column}}]) {% endif %}{% endmacro %}
{# what a cell, counted in the whole group, multiplies its row by #}
{% macro _amplitude_of(cell) %}{{get_array_name(variables[amplitude])}}[{{cell}} + {{amplitude_start - spike_start}}]{% endmacro %}
{# Adds `columns` sums from column `first` on. They stay in registers while the rows of all spikes go by. #}
{% macro _add_block(first, columns, lanes) %}
{% set vectors = (columns + lanes - 1) // lanes %}
        {
            _Vector _sum[{{vectors}}] = {};
            for (const int32_t* _spike = _first; _spike < _last; _spike++) {
                const _Weights* const _row = (const _Weights*)(_rows + (size_t){{_row_of_spike}}*{{stride}} + {{first}});
                {% if amplitude %}
                const {{_wide}} _sent_by = {{_amplitude_of('*_spike')}};
                {% endif %}
                {% for k in range(vectors) %}
                _sum[{{k}}] += {% if amplitude %}_sent_by*{% endif %}_widened(_row[{{k}}]);
                {% endfor %}
            }
            const {{_wide}}* const _sums = (const {{_wide}}*)_sum;
            for (int _j = 0; _j < {{columns}}; _j++) {{_where(first ~ ' + _j')}}_to[{{first}} + _j] += _factor*_sums[_j];
        }
{% endmacro %}
{# The sums of whole rows, with vectors of so many bytes #}
{% macro _add_row(bytes) %}
{% set lanes = bytes // sum_size %}
{% set whole = n_post // (8*lanes) * 8*lanes %}
        typedef {{_wide}} _Vector __attribute__((vector_size({{bytes}}), may_alias));
        typedef {{_weight}} _Weights __attribute__((vector_size({{lanes*w_size}}), aligned({{w_size}}), may_alias));
        const auto _widened = [](const _Weights& _some) -> _Vector {
        {% if w_size == 4 and sum_size == 8 and bytes == 64 %}
            return (_Vector)_mm512_cvtps_pd((__m256)_some);  // gcc would take two halves and put them together
        {% else %}
            return __builtin_convertvector(_some, _Vector);
        {% endif %}
        };
        {% if whole %}
        for (int _block = 0; _block < {{whole}}; _block += {{8*lanes}})
{{_add_block('_block', 8*lanes, lanes)}}
        {% endif %}
        {% if n_post > whole %}
{{_add_block(whole, n_post - whole, lanes)}}
        {% endif %}
{% endmacro %}
{% block maincode %}
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
{% include 'dense_source.cpp' %}
{% if slots and not spread %}
    {% set _ring = get_array_name(variables['_ring']) %}
    int32_t& _turn = {{get_array_name(variables['_turn'])}}[0];
    int32_t* const _sent = {{_ring}} + ((_turn + {{slots - 1}}) % {{slots}})*{{room + 1}};
    std::copy(_first, _last, _sent + _sent[{{room}}]);
    _sent[{{room}}] += _last - _first;
    int32_t* const _arrived = {{_ring}} + _turn*{{room + 1}};
    _first = _arrived;
    _last = _first + _arrived[{{room}}];
    _arrived[{{room}}] = 0;  // they are read below; the slot is filled again from the next step on
    _turn = (_turn + 1) % {{slots}};
{% endif %}
{% if spread %}{# each synapse has its own delay #}
{% include 'dense_spread.cpp' %}
{% endif %}
    if (_gain == 0) return;  // what arrives adds nothing
    {{c_data_type(variables[target].dtype)}}* const __restrict _to = {{_target}} + {{target_start}};
{% if _condition %}
    const auto* const _writable = {{get_array_name(_condition)}} + {{target_start}};
{% endif %}
    const {{c_data_type(variables[target].dtype)}} _factor = _gain;
    {% if not spread %}
    const {{_weight}}* const _rows = {{_w}}{% if per_cell == 1 %} - (size_t){{spike_start}}*{{stride}}{% endif %};
    {% endif %}
{% if spread %}
    for (int _age = 0; _age < {{slots}}; _age++) {
        const int32_t* const _fired = _fired_before(_age);
        for (int _k = 0; _k < _fired[{{room}}]; _k++) {
            const size_t _i = (_fired[_k] - {{spike_start}})/{{per_cell}};
            const int64_t* const _range = {{get_array_name(variables['_starts'])}} + _i*{{slots}} + _age;
            for (int64_t _r = _range[0]; _r < _range[1]; _r++) {
                const int _j = {{get_array_name(variables['_reached'])}}[_r];
                {{_where('_j')}}_to[_j] += _factor*{% if amplitude %}{{_amplitude_of('_fired[_k]')}}*{% endif %}{{_w}}[_i*{{stride}} + _j];
            }
        }
    }
{% elif n_post*w_size < 64 %}{# rows without padding #}
    {{_wide}} _sums[{{n_post}}] = {};
    for (; _first < _last; _first++)
        for (int _j = 0; _j < {{n_post}}; _j++) _sums[_j] += {% if amplitude %}{{_amplitude_of('*_first')}}*{% endif %}_rows[(size_t){{_row_of_spike.replace('_spike ', '_first ') if per_cell > 1 else '*_first'}}*{{stride}} + _j];
    for (int _j = 0; _j < {{n_post}}; _j++) {{_where('_j')}}_to[_j] += _factor*_sums[_j];
{% else %}
    if (_first < _last) {
    {# vectors as long as registers: GCC keeps longer ones in memory #}
    {% for bytes, set in ((64, '#if defined(__AVX512F__)'), (32, '#elif defined(__AVX__)'), (16, '#else')) %}
    {{set}}
{{_add_row(bytes)}}
    {% endfor %}
    #endif
    }
{% endif %}
{% endblock %}
