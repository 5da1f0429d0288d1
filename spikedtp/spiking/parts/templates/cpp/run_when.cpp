{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    if (_active) {
        const int _N = {{constant_or_scalar('N', variables['N'])}};
        #pragma GCC ivdep
        for (int _idx = 0; _idx < _N; _idx++) {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
{% endblock %}
