{# Brian2's threshold in two passes: the condition for all cells, which vectorises, then a walk over those that fired #}
{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <cstring>
{% endblock %}
{% block maincode %}
{% set _events = get_array_name(eventspace_variable) %}
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    alignas(64) static char _fired[N + 8];  // the last ones stay 0
    for (size_t _idx = 0; _idx < N; _idx++) {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
        _fired[_idx] = _cond;
    }
    long _count = 0;
    for (size_t _block = 0; _block < N; _block += 8) {
        uint64_t _eight;
        std::memcpy(&_eight, _fired + _block, 8);
        if (!_eight) continue;
        // without branches: who fires is random
        for (size_t _idx = _block; _idx < _block + 8; _idx++) {
            {{_events}}[_count] = _idx;
            _count += _fired[_idx];
        }
    }
    {{_events}}[N] = _count;
    {% if _uses_refractory %}
    for (long _event = 0; _event < _count; _event++) {
        {{not_refractory}}[{{_events}}[_event]] = false;
        {{lastspike}}[{{_events}}[_event]] = {{t}};
    }
    {% endif %}
{% endblock %}
{% block after_code %}
{% set _events = get_array_name(eventspace_variable) %}
{{_events}}[N] = 0;
{% endblock %}
