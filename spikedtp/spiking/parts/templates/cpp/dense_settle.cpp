{# Brings `w` up to date where weights are kept in the order of delays #}
{% extends 'common_group.cpp' %}
{% from 'dense_in_order.cpp' import put_back %}
{% macro _array(name) %}{{get_array_name(variables[name])}}{% endmacro %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    {% if in_order %}
    if (_active) {
{{put_back(_array, n_pre, stride, slots)}}
    }
    {% endif %}
{% endblock %}
