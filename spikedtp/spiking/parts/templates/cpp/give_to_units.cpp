{# No list says whose a unit is: gathering along one costs more than all the rest #}
{% extends 'common_group.cpp' %}
{% macro _give(part) %}
    {
        {{scalar_code[part]|autoindent}}
{% for start, stop, first, per_cell in blocks[part] %}
        {
            {{c_data_type(variables[given].dtype)}}* const __restrict _units = {{get_array_name(variables[given])}} + {{first}};
            #pragma GCC ivdep
            for (int _idx = {{start}}; _idx < {{stop}}; _idx++) {
                const size_t _vectorisation_idx = _idx;
                {{vector_code[part]|autoindent}}
                for (int _k = 0; _k < {{1 if to_first else per_cell}}; _k++) _units[(_idx - {{start}})*{{per_cell}} + _k] = {{value}};
            }
        }
{% endfor %}
    }
{% endmacro %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code['step']|autoindent}}
    if (_calm) {{_give('calm')}}
    else {{_give('pushed')}}
{% endblock %}
