"""Bit widths: which layer gets which, and what can't be asked for."""

import pytest

from model.generator import GeneratorConfig
from pixelmend.config import parse
from pixelmend.errors import UserError
from quant.bits import QuantConfig, check_layers, layer_names, skip_pairs

THREE = GeneratorConfig(widths=(4, 6, 8))


def test_layers_are_named_from_input_to_output() -> None:
    assert layer_names(THREE) == ["enc1", "enc2", "enc3", "center", "dec1", "dec2", "dec3"]
    assert layer_names(GeneratorConfig(widths=(4,), center=False)) == ["enc1", "dec1"]


def test_skips_join_outputs_of_one_size() -> None:
    assert skip_pairs(THREE) == [("enc2", "dec1"), ("enc1", "dec2")]
    assert skip_pairs(GeneratorConfig(widths=(4, 6, 8), skips=False)) == []
    assert skip_pairs(GeneratorConfig(widths=(4,))) == []


def test_a_layer_not_named_has_the_common_width() -> None:
    quant = QuantConfig(3, 5, None, {"enc1": 8}, {"center": 2})
    assert (quant.weights("enc1"), quant.weights("enc2")) == (8, 3)
    assert (quant.acts("center"), quant.acts("enc1")) == (2, 5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight_bits": 1}, "weight_bits: Input should be greater than or equal to 2; got 1"),
        ({"weight_bits": 9}, "weight_bits: Input should be less than or equal to 8; got 9"),
        ({"act_bits": 9}, "act_bits: Input should be less than or equal to 8; got 9"),
        ({"act_bits": 3.5}, "act_bits: Input should be a valid integer, .*; got 3.5"),
        ({"sum_bits": 1}, "sum_bits: Input should be greater than or equal to 2; got 1"),
        (
            {"layer_weight_bits": {"enc1": 16}},
            r"layer_weight_bits\.enc1: Input should be less than or equal to 8; got 16",
        ),
        ({"layer_act_bits": {"enc1": 1}}, r"layer_act_bits\.enc1: Input should be greater than .*; got 1"),
        ({"bits": 4}, "bits: unknown key; known are weight_bits, act_bits, sum_bits, layer_weight_bits"),
    ],
)
def test_bad_values_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=rf"^x\.toml: \[quant\] {message}"):
        parse(values, QuantConfig, "x.toml: [quant]")


@pytest.mark.parametrize("key", ["layer_weight_bits", "layer_act_bits"])
@pytest.mark.parametrize("name", ["enc4", "dec0", "centre", "final"])
def test_a_layer_the_generator_has_not(key: str, name: str) -> None:
    with pytest.raises(UserError) as caught:
        check_layers(parse({key: {name: 4}}, QuantConfig, "x"), THREE)
    assert str(caught.value) == (
        f"[quant] {key} names layer '{name}'; "
        "of this generator it can be enc1, enc2, enc3, center, dec1, dec2, dec3"
    )


def test_the_image_has_8_bits() -> None:
    check_layers(QuantConfig(layer_act_bits={"dec3": 8}), THREE)
    with pytest.raises(UserError, match=r"layer_act_bits\.dec3 must be 8: it is the uint8 image$"):
        check_layers(QuantConfig(layer_act_bits={"dec3": 4}), THREE)


def test_operands_of_one_sum_have_the_same_bits() -> None:
    with pytest.raises(UserError, match=r"enc1 and dec2 are added .* the same activation bits; got 3 and 4$"):
        check_layers(QuantConfig(layer_act_bits={"enc1": 3}), THREE)
    check_layers(QuantConfig(layer_act_bits={"enc1": 3, "dec2": 3}), THREE)
    check_layers(QuantConfig(layer_act_bits={"enc1": 3}), GeneratorConfig(widths=(4, 6, 8), skips=False))


def test_a_sum_that_has_no_more_bits_is_kept_as_it_is() -> None:
    quant = QuantConfig(sum_bits=4, layer_act_bits={"enc1": 5, "dec2": 5}, layer_sum_bits={"dec2": 6})
    assert (quant.sums("dec1"), quant.sums("dec2")) == (4, None)
    assert QuantConfig().sums("dec1") is None
    assert QuantConfig(act_bits=3, sum_bits=4).sums("dec1") is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"layer_sum_bits": {"dec3": 4}}, "layer_sum_bits names layer 'dec3'; .* it can be dec1, dec2$"),
        ({"layer_input_bits": {"enc1": 3}}, "layer_input_bits names layer 'enc1'; .* it can be enc2, enc3$"),
        (
            {"layer_input_bits": {"enc2": 4}},
            r"layer_input_bits\.enc2 must be fewer than the 4 bits of enc1, got 4$",
        ),
    ],
)
def test_bits_beside_a_skip(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_layers(parse(values, QuantConfig, "x"), THREE)


def test_without_skips_nothing_is_beside_one() -> None:
    plain = GeneratorConfig(widths=(4, 6, 8), skips=False)
    with pytest.raises(
        UserError, match=r"layer_input_bits names layer 'enc2'; of this generator it can be none$"
    ):
        check_layers(QuantConfig(layer_input_bits={"enc2": 3}), plain)
