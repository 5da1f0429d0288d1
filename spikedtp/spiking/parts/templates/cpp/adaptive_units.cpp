{# What leaky membranes with adaptation do in a step: what drives each cell, then its units. Those are found side by side #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}
{% macro _find_drives(part, start, per_cell, n) %}
        {
            {{scalar_code[part]|autoindent}}
            #pragma GCC ivdep
            for (int _k = 0; _k < {{n}}; _k++) {
                const size_t _idx = {{start}} + _k*{{per_cell}}, _vectorisation_idx = _idx;
                {{vector_code[part]|autoindent}}
                const double _to = _sign*_gain*_activity - _offset;
                {% if conductances %}
                const double _open = _gain*_opening;
                const double _leads = (1 + _open)*_threshold + _to, _leaks = 1 + _open, _by = 1/(_steps + _open);
                {% else %}
                const double _leads = _threshold + _to;
                {% endif %}
                for (int _unit = 0; _unit < {{per_cell}}; _unit++) {
                    _drive[_k*{{per_cell}} + _unit] = _leads;
                    {% if conductances %}
                    _leak[_k*{{per_cell}} + _unit] = _leaks;
                    _part[_k*{{per_cell}} + _unit] = _by;
                    {% endif %}
                }
            }
        }
{% endmacro %}
{% block maincode %}
{% set _all = get_array_name(variables['membrane']), get_array_name(variables['adaptation']), get_array_name(variables['dead_steps']) %}
{% if noisy and conductances %}
{% set _current = get_array_name(variables['background']) %}
{% endif %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code['step']|autoindent}}
{% for start, stop, per_cell in blocks %}
    {
        const size_t _idx = {{start}}, _vectorisation_idx = _idx;
        {{scalar_code['rate']|autoindent}}
        {{vector_code['rate']|autoindent}}
        alignas(64) static double _drive[{{stop - start}}];
        {% if conductances %}
        alignas(64) static double _leak[{{stop - start}}], _part[{{stop - start}}];
        {% endif %}
        if (_calm) {{_find_drives('calm', start, per_cell, (stop - start) // per_cell)}}
        else {{_find_drives('pushed', start, per_cell, (stop - start) // per_cell)}}
        {
        {% if noisy %}
        {{scalar_code['unit']|autoindent}}
        {% endif %}
        #pragma GCC ivdep
        for (int _idx = {{start}}; _idx < {{stop}}; _idx++) {
            const size_t _vectorisation_idx = _idx;
            const int _k = _idx - {{start}};
            double _v = {{_all[0]}}[_idx], _moves;
            const double _adapted = _kept*{{_all[1]}}[_idx], _before = {{_all[2]}}[_idx], _left = _before > 1 ? _before - 1 : 0;
            {% if noisy %}
            {{vector_code['unit']|autoindent}}
            {% endif %}
            {% if noisy and conductances %}{# a current and, the more the fewer synapses are open, white #}
            const double _was = {{_current}}[_idx], _is = (1 - _share)*_was + _swing*_kick;
            const double _noise = _is + (_is - _was)*(_steps - 1)/_leak[_k];
            {{_current}}[_idx] = _is;
            {% endif %}
            {% if conductances %}
            _moves = ({{'_noise + ' if noisy else ''}}_drive[_k] - _adapted - _leak[_k]*_v)*_part[_k];
            {% else %}
            _moves = (_drive[_k] - _adapted - _v)*_share{{' + _swing*_kick' if noisy else ''}};
            {% endif %}
            {{_all[0]}}[_idx] = _left < 0.5 ? _v + _moves : _v;
            {{_all[1]}}[_idx] = _adapted;
            {{_all[2]}}[_idx] = _left;
        }
        }
    }
{% endfor %}
{% endblock %}
