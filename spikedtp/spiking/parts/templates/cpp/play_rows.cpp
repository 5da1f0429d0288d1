{% extends 'common_group.cpp' %}
{% block maincode %}
{% set _type = c_data_type(variables[variable].dtype) %}
    const int64_t _now = {{constant_or_scalar('t_in_timesteps', variables['t_in_timesteps'])}};
    {{_type}}* const __restrict _played = {{get_array_name(variables[variable])}};
{% for start, stop, lag in blocks %}
    {
        const double _x = (_now - {{lag}})*{{points_per_step}};
        const int _k = _x < {{n_points - 2}} ? (int)_x : {{n_points - 2}};
        const auto* const __restrict _from = {{get_array_name(variables[table])}} + (_x < 0 ? 0 : (size_t)_k*{{n}});
        if (_x < 0)
            for (int _i = {{start}}; _i < {{stop}}; _i++) _played[_i] = 0;
        else
            for (int _i = {{start}}; _i < {{stop}}; _i++)
                _played[_i] = _from[_i] + (_x - _k)*(_from[_i + {{n}}] - _from[_i]);
    }
{% endfor %}
{% endblock %}
