{# Puts this step's spikes, from _first to _last, into the ring of DelayMatrix and lets a step pass. Then the spikes that
   were fired some steps before are `_fired_before(age)`, followed by their number at [room]. #}
    int32_t* const _ring = {{get_array_name(variables['_ring'])}};
    int32_t& _turn = {{get_array_name(variables['_turn'])}}[0];
    int32_t* const _sent = _ring + _turn*(int64_t){{room + 1}};
    std::copy(_first, _last, _sent);
    _sent[{{room}}] = _last - _first;
    _turn = (_turn + 1) % {{slots}};
    const auto _fired_before = [&](const int _age) {
        return _ring + ((_turn + {{2*slots - 1}} - _age) % {{slots}})*(int64_t){{room + 1}};
    };
