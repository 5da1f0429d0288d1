{# The spikes that arrive in this step: _first to _last, as cells of the whole source group #}
{% set _spikes = get_array_name(variables['_spikespace']) %}
    const int32_t* _first = {{_spikes}};
    const int32_t* _last = _first + _first[{{pre_size}}];
{% if n_pre < pre_size %}
    _first = std::lower_bound(_first, _last, {{pre_start}});
    _last = std::lower_bound(_first, _last, {{pre_start + n_pre}});
{% endif %}


