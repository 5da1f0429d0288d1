{% extends 'common_group.cpp' %}
{% block maincode %}
{% set _events = get_array_name(eventspace_variable) %}
    const int64_t _now = {{constant_or_scalar('t_in_timesteps', variables['t_in_timesteps'])}};
    const uint64_t* const _bits = {{get_array_name(variables['spike_table'])}} + _now%{{held}}*{{words}};
    long _count = 0;
    for (int _k = 0; _now < {{n_steps}} && _k < {{words}}; _k++)
        for (uint64_t _word = _bits[_k]; _word; _word &= _word - 1)
            {{_events}}[_count++] = 64*_k + __builtin_ctzll(_word);
    {{_events}}[{{n}}] = _count;
{% endblock %}
{% block after_code %}
{{get_array_name(eventspace_variable)}}[{{n}}] = 0;
{% endblock %}
