{% extends 'common_group.cpp' %}
{% block maincode %}
{% set _w = get_array_name(variables['w']) %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    if (_active)
        for (int _i = 0; _i < {{n_pre if n_pre < n_post else n_post}}; _i++) {{_w}}[(size_t)_i*{{stride + 1}}] = 0;
{% endblock %}
