{# Code for every synapse and, with `scale`, normalised rows: those of the public matrix, which are columns here. Their
   sums grow side by side, for a block of columns that stays in the cache until it is scaled. #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <cmath>
{% endblock %}
{% block maincode %}
{% set _w = get_array_name(variables['w']) %}
{% set _type = c_data_type(variables['w'].dtype) %}
{% set width = 64 if scale is defined else n_post %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    if (_active) {
        {% if first_row is defined %}
        const bool _learned_before = {{get_array_name(variables['_learned'])}}[0];
        {{get_array_name(variables['_learned'])}}[0] = true;
        {% endif %}
        for (int _start = 0; _start < {{n_post}}; _start += {{width}}) {
            const int _end = {{'_start + %d < %d ? _start + %d : %d' % (width, n_post, width, n_post)}};
            {% if scale is defined %}
            alignas(64) {{_type}} _total[{{width}}] = {};
            {% endif %}
            for (int _i = 0; _i < {{n_pre}}; _i++) {
                {% if first_row is defined and scale is not defined %}
                if (_learned_before && !{{get_array_name(variables['_learns'])}}[_i + {{first_row}}]) continue;
                {% endif %}
                const size_t _pre_cell = _i, _pre_idx = {{pre_start}} + _i, _row = (size_t)_i*{{stride}};
                for (int _j = _start; _j < _end; _j++) {
                    const size_t _idx = _row + _j, _post_cell = _j, _post_idx = {{post_start}} + _j;
                    const size_t _vectorisation_idx = _idx;
                    {% if masked %}
                    if (!{{get_array_name(variables['exists'])}}[_idx]) continue;
                    {% endif %}
                    {{vector_code|autoindent}}
                }
                {% if scale is defined %}
                {% if not autapses %}
                if (_start <= _i && _i < _end) {{_w}}[_row + _i] = 0;
                {% endif %}
                for (int _j = _start; _j < _end; _j++) _total[_j - _start] += std::fabs({{_w}}[_row + _j]);
                {% endif %}
            }
            {% if scale is defined %}
            for (int _j = 0; _j < _end - _start; _j++) _total[_j] = _total[_j] == 0 ? 1 : {{scale}}/_total[_j];
            for (int _i = 0; _i < {{n_pre}}; _i++)
                for (int _j = _start; _j < _end; _j++) {{_w}}[(size_t)_i*{{stride}} + _j] *= _total[_j - _start];
            {% endif %}
        }
    }
{% endblock %}
