{# Brian2's loop over cells, told that arrays do not overlap: with many of them compilers give up checking.
   With `spans` it runs for some cells alone #}
{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const int _N = {{constant_or_scalar('N', variables['N'])}};
{% for start, stop in spans|default([(0, '_N')]) %}
    #pragma GCC ivdep
    for (int _idx = {{start}}; _idx < {{stop}}; _idx++) {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
{% endfor %}
{% endblock %}
