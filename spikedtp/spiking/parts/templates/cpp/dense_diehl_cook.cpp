{# A time step of DiehlCookSynapses; what a trace of some steps ago is for is told in rule_synapses/diehl_cook.py #}
{% extends 'common_group.cpp' %}
{% macro _array(name) %}{{get_array_name(variables[name])}}{% endmacro %}
{% macro _number(name) %}{{constant_or_scalar(name, variables[name])}}{% endmacro %}
{% set _condition = variables[target].conditional_write %}
{% set _weight = c_data_type(variables['w'].dtype) %}
{% macro _changed(name) %}
    const double _raised_{{name}} = {{name}} > _low ? {{name}} : _low;
    const {{_weight}} _clipped_{{name}} = _raised_{{name}} < _high ? _raised_{{name}} : _high;
{% endmacro %}

{% block extra_headers %}
#include <algorithm>
{% endblock %}

{% block maincode %}
{
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const double _low = {{_number('low')}}, _high = {{_number('high')}};
    const double _down = {{_number('down')}}, _up = {{_number('up')}};
    {{_weight}}* const __restrict _w = {{_array('w')}};
    double *const __restrict _x = {{_array('_x')}}, *const __restrict _y1 = {{_array('_y1')}};
    double *const __restrict _y2 = {{_array('_y2')}}, *const __restrict _x_then = {{_array('_x_then')}};
    {
        const double _keep_x = {{_number('keep_x')}}, _keep_y1 = {{_number('keep_y1')}}, _keep_y2 = {{_number('keep_y2')}};
        for (int _i = 0; _i < {{n_pre}}; _i++) _x[_i] *= _keep_x;
        for (int _j = 0; _j < {{n_post}}; _j++) _y1[_j] *= _keep_y1;
        for (int _j = 0; _j < {{n_post}}; _j++) _y2[_j] *= _keep_y2;
    }
{% include 'dense_source.cpp' %}
    for (const int32_t* _spike = _first; _spike < _last; _spike++) _x[*_spike - {{spike_start}}] = 1;
    std::copy(_x, _x + {{n_pre}}, _x_then + {{_array('_turn')}}[0]*{{n_pre}});
{% include 'dense_spread.cpp' %}

    {{c_data_type(variables[target].dtype)}}* const __restrict _to = {{_array(target)}} + {{target_start}};
    {% if _condition %}
    const auto* const _writable = {{get_array_name(_condition)}} + {{target_start}};
    {% endif %}
    const {{c_data_type(variables[target].dtype)}} _factor = _gain;
    for (int _age = 0; _age < {{slots}}; _age++) {
        const int32_t* const _fired = _fired_before(_age);
        for (int _k = 0; _k < _fired[{{room}}]; _k++) {
            const size_t _i = _fired[_k] - {{spike_start}};
            const int64_t* const _range = {{_array('_starts')}} + _i*{{slots}} + _age;
            {{_weight}}* const __restrict _row = _w + _i*{{stride}};
            for (int64_t _r = _range[0]; _r < _range[1]; _r++) {
                const int _j = {{_array('_reached')}}[_r];
                const double _read = _row[_j], _new = _read - _down*_y1[_j];
                {{'if (_writable[_j]) ' if _condition}}_to[_j] += _factor*_read;
                {{_changed('_new')}}
                _row[_j] = _clipped__new;
            }
        }
    }

    {% set _spikes = _array('_post_spikespace') %}
    const int32_t* _event = std::lower_bound({{_spikes}}, {{_spikes}} + {{_spikes}}[{{post_size}}], {{post_start}});
    const int32_t* const _end = std::lower_bound(_event, (const int32_t*){{_spikes}} + {{_spikes}}[{{post_size}}], {{post_start + n_post}});
    for (; _event < _end; _event++) {
        const int _j = *_event - {{post_start}};
        const int32_t* const __restrict _late = {{_array('_late')}} + (size_t)_j*{{n_pre}};
        const double _size = _up*_y2[_j];
        for (int _i = 0; _i < {{n_pre}}; _i++) {
            {% if masked %}
            if (_late[_i] < 0) continue;
            {% endif %}
            const int _slot = _turn - 1 - _late[_i];
            const double _x_here = _x_then[(_slot < 0 ? _slot + {{slots}} : _slot)*{{n_pre}} + _i];
            {{_weight}}& _changing = _w[_i*(size_t){{stride}} + _j];
            const double _new = _changing + _size*_x_here;
            {{_changed('_new')}}
            _changing = _clipped__new;
        }
        _y1[_j] = _y2[_j] = 1;
    }
}
{% endblock %}

{% block before_code %}
{# With no spike in the last steps traces have only decayed: what they were then follows from what they are now, which
   is all that has to be kept from run to run #}
{
    const int32_t* const _ring = {{_array('_ring')}};
    bool _empty = true;
    for (int _k = 0; _k < {{slots}}; _k++) _empty &= _ring[_k*(int64_t){{room + 1}} + {{room}}] == 0;
    double _left = 1;
    for (int _age = 0; _empty && _age < {{slots}}; _age++, _left /= {{_array('keep_x')}}[0]) {
        double* const _then = {{_array('_x_then')}}
            + (({{_array('_turn')}}[0] + {{2*slots - 1}} - _age) % {{slots}})*{{n_pre}};
        for (int _i = 0; _i < {{n_pre}}; _i++) _then[_i] = _left*{{_array('_x')}}[_i];
    }
}
{% endblock %}
