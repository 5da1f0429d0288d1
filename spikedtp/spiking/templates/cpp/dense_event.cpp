{% extends 'common_group.cpp' %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    if (_active)
        for (int _i = 0; _i < {{n_pre}}; _i++) {
            const size_t _pre_cell = _i, _pre_idx = {{pre_start}} + _i, _row = (size_t)_i*{{stride}};
            for (int _j = 0; _j < {{n_post}}; _j++) {
                const size_t _idx = _row + _j, _post_cell = _j, _post_idx = {{post_start}} + _j;
                const size_t _vectorisation_idx = _idx;
                {{vector_code|autoindent}}
            }
        }
{% endblock %}
