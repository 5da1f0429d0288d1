{# A SpikeMonitor that appends (time step, cell) to a buffer, and keeps nothing else. #}
{# USES_VARIABLES { _clock_t_in_timesteps, _source_start, _source_stop } #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    {% set _events = get_array_name(eventspace_variable) %}
    static spikedtp::Events& _kept = spikedtp::events("{{owner.name}}");
    const int32_t _step = {{_clock_t_in_timesteps}};
    const int32_t _num_events = {{_events}}[_num{{eventspace_variable.name}}-1];
    for (int32_t _j = 0; _j < _num_events; _j++)
    {
        const int32_t _idx = {{_events}}[_j];
        if (_idx >= _source_start && _idx < _source_stop) _kept.add(_step, _idx - _source_start);
    }
{% endblock %}
