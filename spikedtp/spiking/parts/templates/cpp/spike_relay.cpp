{# Those spikes of other cells for which a condition holds #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
{% endblock %}
{% block maincode %}
{
{% set _events = get_array_name(eventspace_variable) %}
{% set _source = get_array_name(variables['_source_spikes']) %}
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const int32_t* _first = {{_source}};
    const int32_t* _last = _first + {{_source}}[{{source_size}}];
{% if n < source_size %}
    _first = std::lower_bound(_first, _last, {{source_start}});
    _last = std::lower_bound(_first, _last, {{source_start + n}});
{% endif %}
    long _count = 0;
    for (; _first < _last; _first++) {
        const size_t _idx = *_first - {{source_start}};
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
        if (_cond) {{_events}}[_count++] = _idx;
    }
    {{_events}}[{{n}}] = _count;
}
{% endblock %}
{% block after_code %}
{{get_array_name(eventspace_variable)}}[{{n}}] = 0;
{% endblock %}
