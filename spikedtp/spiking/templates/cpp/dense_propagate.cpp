{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
{% endblock %}
{% set _w = get_array_name(variables['w']) %}
{% set _target = get_array_name(variables[target]) %}
{% set _weight = c_data_type(variables['w'].dtype) %}
{% set _lanes = 64 // variables['w'].dtype.itemsize %}
{# Adds `columns` sums from column `first` on. They stay in registers while the rows of all spikes go by. #}
{% macro _add_block(first, columns) %}
{% set vectors = (columns + _lanes - 1) // _lanes %}
        {
            _Vector _sum[{{vectors}}] = {};
            for (const int32_t* _spike = _first; _spike < _last; _spike++) {
                const _Vector* const _row = (const _Vector*)(_rows + (size_t)*_spike*{{stride}} + {{first}});
                {% for k in range(vectors) %}
                _sum[{{k}}] += _row[{{k}}];
                {% endfor %}
                {# the next block of this row comes from far away #}
                {% for k in range(vectors) %}
                __builtin_prefetch(&_row[{{vectors + k}}]);
                {% endfor %}
            }
            const {{_weight}}* const _sums = (const {{_weight}}*)_sum;
            for (int _j = 0; _j < {{columns}}; _j++) _to[{{first}} + _j] += _factor*_sums[_j];
        }
{% endmacro %}
{% block maincode %}
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
{% include 'dense_source.cpp' %}
{% if delay %}
    {% set _ring = get_array_name(variables['_ring']) %}
    const int64_t _now = {{constant_or_scalar('t_in_timesteps', variables['t_in_timesteps'])}};
    int32_t* const _sent = {{_ring}} + (_now % {{delay + 1}})*{{n_pre + 1}};
    std::copy(_first, _last, _sent);
    _sent[{{n_pre}}] = _last - _first;
    _first = {{_ring}} + ((_now + 1) % {{delay + 1}})*{{n_pre + 1}};
    _last = _first + _first[{{n_pre}}];
{% endif %}
    if (_first < _last) {
        typedef {{_weight}} _Vector __attribute__((vector_size(64), aligned({{64 // _lanes}}), may_alias));
        {{c_data_type(variables[target].dtype)}}* const __restrict _to = {{_target}} + {{post_start}};
        const {{c_data_type(variables[target].dtype)}} _factor = _gain;
        const {{_weight}}* const _rows = {{_w}} - (size_t){{pre_start}}*{{stride}};
        {% set whole = n_post // (8*_lanes) * 8*_lanes %}
        {% if whole %}
        for (int _block = 0; _block < {{whole}}; _block += {{8*_lanes}})
{{_add_block('_block', 8*_lanes)}}
        {% endif %}
        {% if n_post > whole %}
{{_add_block(whole, n_post - whole)}}
        {% endif %}
    }
{% endblock %}
