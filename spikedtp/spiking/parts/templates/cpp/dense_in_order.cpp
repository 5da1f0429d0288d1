{# Weights in the order of delays, if they are kept so: from and back to `w` #}
{% macro take_in_order(array, n_pre, stride, slots) %}
    if (!{{array('_in_order')}}[0]) {
        for (size_t _i = 0; _i < {{n_pre}}; _i++) {
            const auto* const _row = {{array('w')}} + _i*{{stride}};
            const int64_t* const _of = {{array('_starts')}} + _i*{{slots}};
            for (int64_t _r = _of[0]; _r < _of[{{slots}}]; _r++) {{array('_by_delay')}}[_r] = _row[{{array('_reached')}}[_r]];
        }
        {{array('_in_order')}}[0] = 1;
    }
{% endmacro %}
{% macro put_back(array, n_pre, stride, slots) %}
    if ({{array('_in_order')}}[0]) {
        for (size_t _i = 0; _i < {{n_pre}}; _i++) {
            auto* const _row = {{array('w')}} + _i*{{stride}};
            const int64_t* const _of = {{array('_starts')}} + _i*{{slots}};
            for (int64_t _r = _of[0]; _r < _of[{{slots}}]; _r++) _row[{{array('_reached')}}[_r]] = {{array('_by_delay')}}[_r];
        }
        {{array('_in_order')}}[0] = 0;
    }
{% endmacro %}
