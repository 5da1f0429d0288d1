{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <cmath>
{% endblock %}
{% block maincode %}
{% set _w = get_array_name(variables['w']) %}
{% set _type = c_data_type(variables['w'].dtype) %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    if (_active) {
        // a row of the public (n_post, n_pre) matrix is a column here: all sums grow side by side
        static {{_type}} _total[{{n_post}}];
        for (int _j = 0; _j < {{n_post}}; _j++) _total[_j] = 0;
        for (int _i = 0; _i < {{n_pre}}; _i++) {
            {{_type}}* const __restrict _row = {{_w}} + (size_t)_i*{{stride}};
            {% if not autapses %}
            if (_i < {{n_post}}) _row[_i] = 0;
            {% endif %}
            for (int _j = 0; _j < {{n_post}}; _j++) _total[_j] += std::fabs(_row[_j]);
        }
        for (int _j = 0; _j < {{n_post}}; _j++) _total[_j] = _total[_j] == 0 ? 1 : {{scale}}/_total[_j];
        for (int _i = 0; _i < {{n_pre}}; _i++) {
            {{_type}}* const __restrict _row = {{_w}} + (size_t)_i*{{stride}};
            for (int _j = 0; _j < {{n_post}}; _j++) _row[_j] *= _total[_j];
        }
    }
{% endblock %}
