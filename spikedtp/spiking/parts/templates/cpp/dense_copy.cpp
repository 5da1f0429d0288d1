{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
{% endblock %}
{% block maincode %}
{% set _w = get_array_name(variables['w']) %}
{% set _only = get_array_name(variables['exists']) ~ '[(size_t)_i*' ~ stride ~ ' + _j]*' if masked else '' %}
{% set _source = get_array_name(variables['w_source']) %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
{% macro _copied(i, j) %}{{factor}}*{{_source}}[(size_t){{i}}*{{w_source_stride}} + {{j}}]
{%- if 'w_source2' in sources %}*{{get_array_name(variables['w_source2'])}}[(size_t){{i}}*{{w_source2_stride}} + {{j}}]{% endif %}{% endmacro %}
{% set n_rows = n_post if transpose else n_pre %}
    if (_active) {
        // which rows of the source to copy
{% if first_row is not none %}
        static int _rows[{{n_rows}}];
        int _n = 0;
        for (int _k = 0; _k < {{n_rows}}; _k++)
            if (!{{get_array_name(variables['_copied'])}}[0] || {{get_array_name(variables['_changed'])}}[_k + {{first_row}}]) _rows[_n++] = _k;
        {{get_array_name(variables['_copied'])}}[0] = true;
{% else %}
        const int _n = {{n_rows}};
{% endif %}
{% if transpose %}
        // in blocks that fit the cache in both directions
        for (int _i0 = 0; _i0 < {{n_pre}}; _i0 += 16)
            for (int _k0 = 0; _k0 < _n; _k0 += 16)
                for (int _i = _i0; _i < std::min(_i0 + 16, {{n_pre}}); _i++)
                    for (int _k = _k0; _k < std::min(_k0 + 16, _n); _k++) {
                        const int _j = {{'_rows[_k]' if first_row is not none else '_k'}};
                        {{_w}}[(size_t)_i*{{stride}} + _j] = {{_only}}{{_copied('_j', '_i')}};
                    }
{% else %}
        for (int _k = 0; _k < _n; _k++) {
            const int _i = {{'_rows[_k]' if first_row is not none else '_k'}};
            for (int _j = 0; _j < {{n_post}}; _j++)
                {{_w}}[(size_t)_i*{{stride}} + _j] = {{_only}}{{_copied('_i', '_j')}};
        }
{% endif %}
    }
{% endblock %}
