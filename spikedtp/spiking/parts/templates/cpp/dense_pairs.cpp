{# Rules of spike pairs, row by row; what waits and why it may is told in rule_synapses/pairs.py #}
{% extends 'common_group.cpp' %}
{% macro _array(name) %}{{get_array_name(variables[name])}}{% endmacro %}
{% macro _number(name) %}{{constant_or_scalar(name, variables[name])}}{% endmacro %}

{% macro _state() %}
    {% set _type = c_data_type(variables['w'].dtype) %}
    {% set sums = 2 if eligible else 1 %}
    {% set _only = '_exists[_j]*' if masked else '' %}
    const double _rate = {{_number('rate')}};
    int32_t &_row = {{_array('_row')}}[0], &_age = {{_array('_age')}}[0];
    int32_t* const _row_of = {{_array('_row_of')}};
    double* const _x = {{_array('_x')}};
    double* const _y = {{_array('_y')}}{{' + ' ~ post_start if voltage}};
    double* const _sums = {{_array('_sums')}};
    double& _left_x = {{_array('_left_x')}}[0];
    {% if eligible %}
    const double _per_tau = {{_number('per_tau')}};
    double* const _c_of = {{_array('_c_of')}};
    double &_left_e = {{_array('_left_e')}}[0], &_c = {{_array('_c')}}[0];
    double _c_step = 0;  // what this step has added to _c
    {% endif %}

    // Brings row _i up to date, then adds _own*y: what a spike of cell _i does now.
    auto _update = [&](const size_t _i, const double _own) {
        const double* const __restrict _now = _sums + (size_t)_row*{{width*sums}};
        const double* const __restrict _then = _sums + (size_t)_row_of[_i]*{{width*sums}};
        const double* const __restrict _trace = _y;
        {{_type}}* const __restrict _w_row = {{_array('w')}} + _i*{{stride}};
        {% if masked %}
        const auto* const __restrict _exists = {{_array('exists')}} + _i*{{stride}};
        {% endif %}
        {% if eligible %}
        double* const __restrict _z_row = {{_array('z')}} + _i*{{stride}};
        // a change of z at t_f has met the reward since t_f: all there was, less what there had been by then
        const double _waits = _per_tau*_x[_i], _waits_w = _rate*_waits, _all = _rate*_waits*_c;
        const double _passed = _rate*(_c - _c_of[_i]), _own_w = _rate*_own*_c_step;
        #pragma GCC ivdep
        for (int _j = 0; _j < {{n_post}}; _j++) {
            const double _counted = _now[_j] - _then[_j], _missed = _now[_j + {{width}}] - _then[_j + {{width}}];
            _w_row[_j] += {{_only}}(_z_row[_j]*_passed + _counted*_all - _missed*_waits_w + _trace[_j]*_own_w);
            _z_row[_j] += {{_only}}(_counted*_waits + _trace[_j]*_own);
        }
        _c_of[_i] = _c;
        {% else %}
        const double _waits = _rate*_x[_i];
        {% if bounded %}
        const double _low = {{_number('low')}}, _high = {{_number('high')}};
        {% endif %}
        #pragma GCC ivdep
        for (int _j = 0; _j < {{n_post}}; _j++) {
            {% if bounded %}
            // one comparison at a time: compiled to minima and maxima
            double _w = _w_row[_j] + _waits*(_now[_j] - _then[_j]);
            _w = _w > _low ? _w : _low;
            _w = (_w < _high ? _w : _high) + _own*_trace[_j];
            _w = _w > _low ? _w : _low;
            _w_row[_j] = {{_only}}(_w < _high ? _w : _high);
            {% else %}
            _w_row[_j] += {{_only}}(_waits*(_now[_j] - _then[_j]) + _own*_trace[_j]);
            {% endif %}
        }
        {% endif %}
        _row_of[_i] = _row;
    };

    // Brings all rows up to date and lets time start at 0 again.
    auto _fold = [&]() {
        if (_age == 0) return;
        for (size_t _i = 0; _i < {{n_pre}}; _i++) {
            _update(_i, 0);
            _x[_i] *= _left_x;
            _row_of[_i] = 0;
            {% if eligible %}
            double* const _z_row = {{_array('z')}} + _i*{{stride}};
            for (int _j = 0; _j < {{n_post}}; _j++) _z_row[_j] *= _left_e;
            _c_of[_i] = 0;
            {% endif %}
        }
        for (int _j = 0; _j < {{width*sums}}; _j++) _sums[_j] = 0;
        _row = _age = 0;
        {% if eligible %}
        _c = 0;
        {% endif %}
    };
{% endmacro %}

{% block extra_headers %}
#include <algorithm>
#include <cstring>
{% endblock %}

{% block maincode %}
{
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    {% if task == 'settle' %}
    if (!_active) return;
    {% endif %}
    {{_state()}}
{% if task == 'settle' %}
    _fold();
{% elif task == 'arrive' %}
    {% if spread %}
{% include 'dense_source.cpp' %}
    const int64_t* const _starts = {{_array('_starts')}};
    const auto _reach = [&](const int32_t* _fired, const int32_t* const _end, const int _age) {
        for (; _fired < _end; _fired++) {
            const size_t _i = *_fired - {{spike_start}};
            const int64_t* const _range = _starts + _i*{{slots}} + _age;
            if (_range[0] < _range[1]) _update(_i, 0);
        }
    };
    _reach(_first, _last, 0);
    // this step's spikes are not in the ring yet, and those that they replace have reached everybody
    for (int _age = 1; _age < {{slots}}; _age++) {
        const int32_t* const _fired = {{_array('_ring')}}
            + (({{_array('_turn')}}[0] + {{slots}} - _age) % {{slots}})*(int64_t){{room + 1}};
        _reach(_fired, _fired + _fired[{{room}}], _age);
    }
    {% else %}
    {% if slots %}
    {
    // dense_propagate reads this slot of the ring in this step
    const int32_t* _first = {{_array('_ring')}} + {{_array('_turn')}}[0]*{{room + 1}};
    const int32_t* const _last = _first + _first[{{room}}];
    for (; _first < _last; _first++) _update(*_first - {{spike_start}}, 0);
    }
    {% endif %}
    {% if slots < 2 %}
{% include 'dense_source.cpp' %}
    for (; _first < _last; _first++) _update(*_first - {{spike_start}}, 0);
    {% endif %}
    {% endif %}
{% else %}
    {% set sums = 2 if eligible else 1 %}
    {% set _post_spikes = _array('_post_spikespace') %}
{% include 'dense_source.cpp' %}
    const int32_t* _post_first = std::lower_bound({{_post_spikes}}, {{_post_spikes}} + {{_post_spikes}}[{{post_size}}], {{post_start}});
    const int32_t* _post_last = std::lower_bound(_post_first, (const int32_t*){{_post_spikes}} + {{_post_spikes}}[{{post_size}}], {{post_start + n_post}});
    {% if lag %}
    // this step's spikes wait, those of the step before act
    static int32_t _pre_spikes[{{n_pre}}], _post_spikes[{{n_post}}];
    int32_t *const _pre_before = {{_array('_pre_before')}}, *const _post_before = {{_array('_post_before')}};
    const int32_t _n_pre = _pre_before[{{n_pre}}], _n_post = _post_before[{{n_post}}];
    std::copy(_pre_before, _pre_before + _n_pre, _pre_spikes);
    std::copy(_post_before, _post_before + _n_post, _post_spikes);
    std::copy(_first, _last, _pre_before);
    std::copy(_post_first, _post_last, _post_before);
    _pre_before[{{n_pre}}] = _last - _first;
    _post_before[{{n_post}}] = _post_last - _post_first;
    _first = _pre_spikes;
    _last = _pre_spikes + _n_pre;
    _post_first = _post_spikes;
    _post_last = _post_spikes + _n_post;
    {% endif %}

    if (_age >= {{_number('epoch')}} || _row == {{n_rows}}) _fold();
    if (_age == 0) _left_x = 1;
    _left_x *= {{_number('keep_x')}};
    {% if eligible %}
    if (_age == 0) _left_e = 1;
    _left_e *= {{_number('keep_e')}};
    _c_step = _reward*_left_e*{{_number('dt_ms')}};
    _c += _c_step;
    const double _pre_scale = _per_tau/_left_e, _post_scale = _left_x/_left_e;
    {% else %}
    const double _pre_scale = _rate*_reward, _post_scale = _reward*_left_x;
    {% endif %}
    const double _pre_gain = _pre_scale*{{_number('gain_pre')}}, _post_gain = _post_scale*{{_number('gain_post')}};
    _age++;
    const double _jump_x = {{_number('jump_x')}}/_left_x;
    {% if not voltage %}
    const double _keep_y = {{_number('keep_y')}}, _jump_y = {{_number('jump_y')}};
    for (int _j = 0; _j < {{n_post}}; _j++) _y[_j] *= _keep_y;
    for (const int32_t* _event = _post_first; _event < _post_last; _event++)
        _y[*_event - {{post_start}}] {{'=' if nearest else '+='}} _jump_y;
    {% endif %}
    {% if slow %}
    double *const _slow_x = {{_array('_slow_x')}}, *const _slow_y = {{_array('_slow_y')}};
    const double _keep_slow_x = {{_number('keep_slow_x')}}, _keep_slow_y = {{_number('keep_slow_y')}};
    for (int _i = 0; _i < {{n_pre}}; _i++) _slow_x[_i] *= _keep_slow_x;
    for (int _j = 0; _j < {{n_post}}; _j++) _slow_y[_j] *= _keep_slow_y;
    const double _pre_gain_slow = _pre_scale*{{_number('gain_slow_x')}};
    const double _post_gain_slow = _post_scale*{{_number('gain_slow_y')}};
    {% endif %}
    for (; _first < _last; _first++) {
        const int _i = *_first - {{spike_start}};
        _update(_i, _pre_gain{{' + _pre_gain_slow*_slow_x[_i]' if slow}});
        _x[_i] {{'=' if nearest else '+='}} _jump_x;
        {% if slow %}
        _slow_x[_i] {{'=' if nearest else '+='}} {{_number('jump_slow_x')}};
        {% endif %}
    }
    if (_post_first == _post_last) return;
    double* const _next = _sums + (size_t)(_row + 1)*{{width*sums}};
    std::memcpy(_next, _next - {{width*sums}}, {{width*sums}}*sizeof(double));
    for (; _post_first < _post_last; _post_first++) {
        const int _j = *_post_first - {{post_start}};
        const double _more = _post_gain{{' + _post_gain_slow*_slow_y[_j]' if slow}}
            {{- '*' ~ _array('_jump') ~ '[*_post_first]' if voltage}};
        _next[_j] += _more;
        {% if eligible %}
        _next[_j + {{width}}] += _more*(_c - _c_step);
        {% endif %}
        {% if slow %}
        _slow_y[_j] {{'=' if nearest else '+='}} {{_number('jump_slow_y')}};
        {% endif %}
    }
    _row++;
{% endif %}
}
{% endblock %}

{% block before_code %}
{% if task == 'learn' and stretch %}
{% for name, factor in stretch.items() %}
    for (size_t _k = 0; _k < {{variables[name].size}}; _k++) {{_array(name)}}[_k] *= {{factor}};
{% endfor %}
{% else %}
{{super()}}
{% endif %}
{% endblock %}

{% block after_code %}
{% if task == 'learn' %}
{
    {{_state()}}
    _fold();
}
{% endif %}
{% endblock %}
