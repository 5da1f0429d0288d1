{# Burstprop, row by row: what waits and why it may is told in rule_synapses/burstprop.py #}
{% extends 'common_group.cpp' %}
{% macro _array(name) %}{{get_array_name(variables[name])}}{% endmacro %}
{% block extra_headers %}
#include <algorithm>
#include <cmath>
{% endblock %}
{% block maincode %}
{
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    {% set _type = c_data_type(variables['w'].dtype) %}
    int32_t& _n = {{_array('_n_waiting')}}[0];
    {% if task != 'record' %}
    if (_n == 0) return;
    {% endif %}
    const int64_t _now = {{constant_or_scalar('t_in_timesteps', variables['t_in_timesteps'])}};
    int32_t* const _cells = {{_array('_waiting_cell')}};
    float* const _changes = {{_array('_waiting_change')}};
    int32_t* const _done = {{_array('_done')}};
    int64_t& _since = {{_array('_since')}}[0];
    const double _per_step = {{constant_or_scalar('dt', variables['dt'])}}/{{tau}};
    const auto* const _x_then = {{_array('x_then_pre')}} + {{pre_start}};
    const auto* const _last_spike = {{_array('last_spike_pre')}} + {{pre_start}};
    const {{_type}} _high = {{constant_or_scalar('w_max', variables['w_max'])}};
    // Row _i, whose trace was _trace at the last spike, and has decayed like that before it and after it.
    const auto _visit = [&](const size_t _i, const double _trace) {
        const {{_type}} _factor = _trace*std::exp((_last_spike[_i] - _since)*_per_step);
        {{_type}}* const _row = {{_array('w')}} + _i*{{stride}};
        {% if masked %}
        const auto* const _exists = {{_array('exists')}} + _i*{{stride}};
        {% endif %}
        for (int32_t _k = _done[_i]; _k < _n; _k++) {
            const int32_t _j = _cells[_k];
            {{_type}} _new = _row[_j] + _factor*_changes[_k];
            _new = _new > 0 ? _new : 0;
            _new = _new < _high ? _new : _high;
            _row[_j] = {% if masked %}_exists[_j] ? _new : _row[_j]{% else %}_new{% endif %};
        }
        _done[_i] = _n;
    };
    {% if task == 'arrive' %}
{% include 'dense_source.cpp' %}
    for (; _first < _last; _first++) {
        const size_t _i = *_first - {{spike_start}};
        if (_done[_i] < _n) _visit(_i, _x_then[_i] - 1);  // this event is no part of what was
    }
    {% else %}
    const auto _visit_all = [&]() {
        for (size_t _i = 0; _i < {{n_pre}}; _i++) {
            if (_done[_i] < _n) _visit(_i, _x_then[_i]);
            _done[_i] = 0;
        }
        _n = 0;
    };
    {% if task == 'record' %}
    if (!_active) return;
    {% set _spikes = _array('_post_spikespace') %}
    const int32_t* _first = std::lower_bound({{_spikes}}, {{_spikes}} + {{_spikes}}[{{post_size}}], {{post_start}});
    const int32_t* _last = std::lower_bound(_first, (const int32_t*){{_spikes}} + {{_spikes}}[{{post_size}}], {{post_start + n_post}});
    if (_first == _last) return;
    if (_n + (_last - _first) > {{most_waiting}} || (_n && (_now - _since)*_per_step > 10)) _visit_all();
    if (_n == 0) _since = _now;
    const double _left = {{constant_or_scalar('learning_rate', variables['learning_rate'])}}*std::exp((_since - _now)*_per_step);
    for (; _first < _last; _first++) {
        const double _teaching = {{_array('teaching_of_learner')}}[*_first];
        if (_teaching == 0) continue;
        _cells[_n] = *_first - {{post_start}};
        _changes[_n++] = _left*_teaching;
    }
    {% else %}
    if (_active || _now >= {{last_step}}) _visit_all();
    {% endif %}
    {% endif %}
}
{% endblock %}
