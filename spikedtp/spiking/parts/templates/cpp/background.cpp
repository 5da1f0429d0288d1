{# Poisson spikes of many sources: the number of cells and steps from one to the next has a geometric distribution #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <cmath>
#include <cstdint>
#include <cstring>
{% endblock %}
{% block maincode %}
{
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    // xoshiro128+ in {{lanes}} lanes, seeded from Brian2's generator
    static uint32_t _s[4][{{lanes}}];
    static int32_t _gaps[{{16*lanes}}];
    static int _used = {{16*lanes}};
    static int64_t _place = -1;
    const float _scale = 1/std::log1p(-_chance);
    const auto _next = [&]() -> int32_t {
        if (_used == {{16*lanes}}) {
            for (int _k = 0; _k < 16; _k++) {
                float _u[{{lanes}}];
                for (int _l = 0; _l < {{lanes}}; _l++) {
                    const uint32_t _sum = _s[0][_l] + _s[3][_l], _shifted = _s[1][_l] << 9;
                    _s[2][_l] ^= _s[0][_l];
                    _s[3][_l] ^= _s[1][_l];
                    _s[1][_l] ^= _s[2][_l];
                    _s[0][_l] ^= _s[3][_l];
                    _s[2][_l] ^= _shifted;
                    _s[3][_l] = (_s[3][_l] << 11) | (_s[3][_l] >> 21);
                    _u[_l] = ((int32_t)(_sum >> 8) + 1)*5.9604644775390625e-8f;
                }
                for (int _l = 0; _l < {{lanes}}; _l++) {
                    // log of a number in (0, 1]: exponent, and a series of its mantissa; libraries do not vectorise theirs
                    int32_t _bits;
                    std::memcpy(&_bits, &_u[_l], 4);
                    const int32_t _exponent = (_bits - 0x3f3504f3) >> 23;
                    _bits -= _exponent << 23;
                    float _mantissa;  // between 1/sqrt(2) and sqrt(2)
                    std::memcpy(&_mantissa, &_bits, 4);
                    const float _s = (_mantissa - 1)/(_mantissa + 1), _s2 = _s*_s;
                    const float _series = 2*_s*(1 + _s2*(1/3.0f + _s2*(1/5.0f + _s2*(1/7.0f + _s2/9))));
                    _gaps[{{lanes}}*_k + _l] = (int32_t)((_exponent*0.69314718f + _series)*_scale);
                }
            }
            _used = 0;
        }
        return _gaps[_used++];
    };
    if (_place < 0 || {{constant_or_scalar('t_in_timesteps', variables['t_in_timesteps'])}} == 0) {
        for (int _word = 0; _word < 4; _word++)
            for (int _l = 0; _l < {{lanes}}; _l++) _s[_word][_l] = (uint32_t)({{generator}}.rand()*4294967296.0);
        _used = {{16*lanes}};
        _place = _chance > 0 ? _next() : 0;
    }
    if (!(_chance > 0)) return;
    {{c_data_type(variables[target].dtype)}}* const _to = {{get_array_name(variables[target])}} + {{start}};
    const {{c_data_type(variables[target].dtype)}} _jump = _weight;
    int64_t _at = _place;
    for (; _at < {{n}}; _at += 1 + _next()) _to[_at] += _jump;
    _place = _at - {{n}};
}
{% endblock %}
