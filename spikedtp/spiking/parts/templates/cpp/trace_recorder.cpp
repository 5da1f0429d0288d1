{# A StateMonitor that appends each step's values to a buffer, in the precision in which they are kept. #}
{# USES_VARIABLES { _indices } #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    {% for name in _recorded_variables | sort %}
    static spikedtp::Trace<{{kept_type}}>& _trace_{{name}} = spikedtp::trace<{{kept_type}}>("{{owner.name}}.{{name}}");
    {{kept_type}}* const __restrict _row_{{name}} = _trace_{{name}}.row(_num_indices);
    {% endfor %}

    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    for (int _i = 0; _i < (int)_num_indices; _i++)
    {
        // vector code
        const size_t _idx = {{'_i' if contiguous else _indices + '[_i]'}};
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
        {% for name in _recorded_variables | sort %}
        _row_{{name}}[_i] = _to_record_{{name}};
        {% endfor %}
    }
{% endblock %}
