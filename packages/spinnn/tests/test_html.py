"""Tables of networks in notebooks."""

import xml.etree.ElementTree as ET

import equinox as eqx
import jax

from spinnn import SpinConv, parameter_count, summary_html


def test_the_table_of_parameters_is_well_formed_and_holds_the_numbers():
    shapes = eqx.filter_eval_shape(SpinConv, (0,), (0, 1), 3, 8, bandlimit=4, key=jax.random.key(0))
    table = ET.fromstring(summary_html(shapes, "a < b"))
    assert table.find("caption").text == "a < b"  # pyright: ignore[reportOptionalMemberAccess]
    assert [cell.text for cell in table.iter("td")][-1] == f"{parameter_count(shapes):,}"
