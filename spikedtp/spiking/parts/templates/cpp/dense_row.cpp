{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
{% endblock %}
{% block maincode %}
{
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    {% if at %}
    if (!_active) return;
    {% endif %}
{% include 'dense_source.cpp' %}
    for (; _first < _last; _first++) {
        const size_t _pre_cell = *_first - {{spike_start}}, _pre_idx = {{pre_start}} + _pre_cell;
        const size_t _row = _pre_cell*{{stride}};
        for (int _j = 0; _j < {{n_post}}; _j++) {
            const size_t _idx = _row + _j, _post_cell = _j, _post_idx = {{post_start}} + _j;
            const size_t _vectorisation_idx = _idx;
            {% if masked %}
            if (!{{get_array_name(variables['exists'])}}[_idx]) continue;
            {% endif %}
            {{vector_code|autoindent}}
        }
    }
}
{% endblock %}
