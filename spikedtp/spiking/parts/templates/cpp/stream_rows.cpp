{% extends 'common_group.cpp' %}
{% block maincode %}
{% set _window = get_array_name(variables[table]) %}
    static spikedtp::Stream& _stream = spikedtp::stream("{{stream}}");
    const int64_t _now = {{constant_or_scalar('t_in_timesteps', variables['t_in_timesteps'])}};
    if (_now % {{held}} == 0) _stream.read({{_window}}, _now, {{held}}, {{width}}*sizeof({{_window}}[0]));
{% endblock %}
