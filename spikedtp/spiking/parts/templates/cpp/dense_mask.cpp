{# Weights of synapses that do not exist are 0 when a run begins, whatever was written to w #}
{% extends 'common_group.cpp' %}
{% block before_code %}
    for (size_t _k = 0; _k < {{variables['w'].size}}; _k++)
        if (!{{get_array_name(variables['exists'])}}[_k]) {{get_array_name(variables['w'])}}[_k] = 0;
{% endblock %}
{% block maincode %}
{% endblock %}
