{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
{% endblock %}
{% block maincode %}
{% set _w = get_array_name(variables['w']) %}
{% set _target = get_array_name(variables[target]) %}
{% set _type = c_data_type(variables[target].dtype) %}
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
{% include 'dense_source.cpp' %}
{% if delay %}
    {% set _ring = get_array_name(variables['_ring']) %}
    const int64_t _now = {{constant_or_scalar('t_in_timesteps', variables['t_in_timesteps'])}};
    int32_t* const _sent = {{_ring}} + (_now % {{delay + 1}})*{{n_pre + 1}};
    std::copy(_first, _last, _sent);
    _sent[{{n_pre}}] = _last - _first;
    _first = {{_ring}} + ((_now + 1) % {{delay + 1}})*{{n_pre + 1}};
    _last = _first + _first[{{n_pre}}];
{% endif %}
    {{_type}}* const __restrict _to = {{_target}} + {{post_start}};
    const {{_type}} _factor = _gain;
    // four rows at a time: the target is read and written once for all of them
    for (; _last - _first >= 4; _first += 4) {
        const auto* __restrict _a = {{_w}} + (size_t)(_first[0] - {{pre_start}})*{{stride}};
        const auto* __restrict _b = {{_w}} + (size_t)(_first[1] - {{pre_start}})*{{stride}};
        const auto* __restrict _c = {{_w}} + (size_t)(_first[2] - {{pre_start}})*{{stride}};
        const auto* __restrict _d = {{_w}} + (size_t)(_first[3] - {{pre_start}})*{{stride}};
        for (int _j = 0; _j < {{n_post}}; _j++)
            _to[_j] += _factor*((_a[_j] + _b[_j]) + (_c[_j] + _d[_j]));
    }
    for (; _first < _last; _first++) {
        const auto* __restrict _a = {{_w}} + (size_t)(_first[0] - {{pre_start}})*{{stride}};
        for (int _j = 0; _j < {{n_post}}; _j++)
            _to[_j] += _factor*_a[_j];
    }
{% endblock %}
