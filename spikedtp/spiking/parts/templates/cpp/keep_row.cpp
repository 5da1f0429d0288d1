{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <algorithm>
{% endblock %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    if (_place >= 0) {
        const auto* const _from = {{get_array_name(variables[variable])}};
        std::copy(_from, _from + {{size}}, {{get_array_name(variables['_kept_' + variable])}} + (size_t)_place*{{size}});
    }
{% endblock %}
