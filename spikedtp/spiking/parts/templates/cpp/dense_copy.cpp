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
    if (_active) {
{% if transpose %}
        // in blocks that fit the cache in both directions
        for (int _i0 = 0; _i0 < {{n_pre}}; _i0 += 16)
            for (int _j0 = 0; _j0 < {{n_post}}; _j0 += 16)
                for (int _i = _i0; _i < std::min(_i0 + 16, {{n_pre}}); _i++)
                    for (int _j = _j0; _j < std::min(_j0 + 16, {{n_post}}); _j++)
                        {{_w}}[(size_t)_i*{{stride}} + _j] = {{_only}}{{factor}}*{{_source}}[(size_t)_j*{{w_source_stride}} + _i]
{%- if 'w_source2' in sources %}*{{get_array_name(variables['w_source2'])}}[(size_t)_j*{{w_source2_stride}} + _i]{% endif %};
{% else %}
        for (int _i = 0; _i < {{n_pre}}; _i++)
            for (int _j = 0; _j < {{n_post}}; _j++)
                {{_w}}[(size_t)_i*{{stride}} + _j] = {{_only}}{{factor}}*{{_source}}[(size_t)_i*{{w_source_stride}} + _j]
{%- if 'w_source2' in sources %}*{{get_array_name(variables['w_source2'])}}[(size_t)_i*{{w_source2_stride}} + _j]{% endif %};
{% endif %}
    }
{% endblock %}
