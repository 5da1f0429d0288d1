{# The sum over presynaptic cells of _term, for each postsynaptic cell #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
{% endblock %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    if (_active) {
        static double _sum[{{n_post}}];
        std::fill(_sum, _sum + {{n_post}}, 0.0);
        for (int _i = 0; _i < {{n_pre}}; _i++) {
            const size_t _pre_cell = _i, _pre_idx = {{pre_start}} + _i, _row = (size_t)_i*{{stride}};
            for (int _j = 0; _j < {{n_post}}; _j++) {
                const size_t _idx = _row + _j, _post_cell = _j, _post_idx = {{post_start}} + _j;
                const size_t _vectorisation_idx = _idx;
                {% if masked %}
                if (!{{get_array_name(variables['exists'])}}[_idx]) continue;
                {% endif %}
                {{vector_code|autoindent}}
                _sum[_j] += _term;
            }
        }
        std::copy(_sum, _sum + {{n_post}}, {{get_array_name(variables[target])}} + {{target_start}});
    }
{% endblock %}
