{# The table of given_spikes for all steps to come: a first spike, and one after every interval #}
{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
#include <cmath>
{% endblock %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    if (_active) {
        uint64_t* const _table = {{get_array_name(variables['spike_table'])}};
        std::fill(_table, _table + {{n_steps*words}}, 0);
        const int _N = {{constant_or_scalar('N', variables['N'])}};
        for (int _idx = 0; _idx < _N; _idx++) {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            for (double _time = _first; _time <= {{n_steps}}; _time += _interval) {
                const int64_t _step = std::max(std::ceil(_time) - 1, 0.0);
                _table[_step*{{words}} + _idx/64] |= (uint64_t)1 << _idx%64;
            }
        }
    }
{% endblock %}
