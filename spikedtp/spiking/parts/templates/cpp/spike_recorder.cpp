{# A SpikeMonitor that appends (time step, cell) to a buffer, and keeps nothing else. #}
{# USES_VARIABLES { _clock_t_in_timesteps, _source_start, _source_stop } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
{% endblock %}

{% block maincode %}
    {% set _events = get_array_name(eventspace_variable) %}
    static spikedtp::Events& _kept = spikedtp::events("{{owner.name}}");
    const int32_t* const _end = {{_events}} + {{_events}}[_num{{eventspace_variable.name}}-1];
    const int32_t* const _first = std::lower_bound((const int32_t*){{_events}}, _end, (int32_t)_source_start);
    _kept.add({{_clock_t_in_timesteps}}, _first, std::lower_bound(_first, _end, (int32_t)_source_stop) - _first, _source_start);
{% endblock %}
