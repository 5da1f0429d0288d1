{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
{% endblock %}
{% block maincode %}
{
    {% set _spikes = get_array_name(variables['_post_spikespace']) %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    {% if at %}
    if (!_active) return;
    {% endif %}
    const int32_t* _first = std::lower_bound({{_spikes}}, {{_spikes}} + {{_spikes}}[{{post_size}}], {{post_start}});
    const int32_t* _last = std::lower_bound(_first, (const int32_t*){{_spikes}} + {{_spikes}}[{{post_size}}], {{post_start + n_post}});
    if (_first == _last) return;
    // row by row, so that the columns of all the cells that fired share what the cache has brought
    for (int _i = 0; _i < {{n_pre}}; _i++) {
        const size_t _pre_cell = _i, _pre_idx = {{pre_start}} + _i;
        for (const int32_t* _event = _first; _event < _last; _event++) {
            const size_t _post_idx = *_event, _post_cell = _post_idx - {{post_start}};
            const size_t _idx = (size_t)_i*{{stride}} + _post_cell;
            const size_t _vectorisation_idx = _idx;
            {% if masked %}
            if (!{{get_array_name(variables['exists'])}}[_idx]) continue;
            {% endif %}
            {{vector_code|autoindent}}
        }
    }
}
{% endblock %}
