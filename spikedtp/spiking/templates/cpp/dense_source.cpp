{# The spikes that arrive in this step: _first to _last, as cells of the whole source group #}
{% set _spikes = get_array_name(variables['_spikespace']) %}
    const int32_t* _first = std::lower_bound({{_spikes}}, {{_spikes}} + {{_spikes}}[{{pre_size}}], {{pre_start}});
    const int32_t* _last = std::lower_bound(_first, (const int32_t*){{_spikes}} + {{_spikes}}[{{pre_size}}], {{pre_start + n_pre}});


