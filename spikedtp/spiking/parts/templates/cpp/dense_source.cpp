{# The spikes that arrive in this step: _first to _last, as cells of the whole group that fires #}
{% set _spikes = get_array_name(variables['_spikespace']) %}
    const int32_t* _first = {{_spikes}};
    const int32_t* _last = _first + _first[{{spike_size}}];
{% if n_spikers < spike_size %}
    _first = std::lower_bound(_first, _last, {{spike_start}});
    _last = std::lower_bound(_first, _last, {{spike_start + n_spikers}});
{% endif %}


