"""Fast memory layout for blocks of small bandlimit: `compact` returns a fast function of blocks, or None.

Blocks register by `reads` a function that names their layers, so that this room knows layers but no blocks.

May import: `_entries`, `_layers`, `_tuning`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax

from spinharm import SpinTransform

from .. import _tuning
from .._layers.activation import PhaseCollapse
from .._layers.conv import SpinConv
from .._layers.norm import SpectralBatchNorm
from .._layers.shortcut import by_spin
from . import layout


class Stage(NamedTuple):
    """A convolution, a norm and an activation, applied in that order."""

    conv: Any
    norm: Any
    activation: Any


class Parts(NamedTuple):
    """The layers and transforms of a block.

    Attributes:
        stages: One, or the two of a residual block, between which stands a forward transform.
        transform_in: Transform of input maps; None for coefficients.
        transform_out: Transform to the maps of every stage.
        transform_activation: Transform to the maps of the activations where these are others, which the layout does not
            support.
        shortcut: The shortcut's matrices, see `by_spin`.
    """

    stages: tuple[Stage, ...]
    transform_in: SpinTransform | None
    transform_out: SpinTransform
    transform_activation: SpinTransform | None
    shortcut: jax.Array | None = None


_READERS: dict[type, Callable[[Any], Parts]] = {}


def reads(kind: type) -> Callable[[Callable[[Any], Parts]], Callable[[Any], Parts]]:
    """Register the decorated function as the one that names the parts of blocks of exactly the type `kind`."""

    def register(reader: Callable[[Any], Parts]) -> Callable[[Any], Parts]:
        _READERS[kind] = reader
        return reader

    return register


def compact(blocks: Sequence[Any], *, remat: bool = False) -> Chain | None:
    """Return a function that computes consecutive blocks in the fast layout, or None where the layout does not apply.

    Args:
        blocks: Blocks; each takes the maps of the one before.
        remat: Keep only what goes from block to block for the backward pass.

    Returns:
        The function, or None if a block or one of its layers is not exactly of a known type, is of too many degrees,
        or if two of them do not fit together.
    """
    if not blocks or any(type(block) not in _READERS for block in blocks):
        return None
    parts = tuple(_READERS[type(block)](block) for block in blocks)
    largest = _tuning.TUNING.largest_block if len(parts) == 1 else _tuning.TUNING.largest_chain
    if not all(_is_known(part, largest) for part in parts):
        return None
    if not all(_follows(one, other) for one, other in itertools.pairwise(parts)):
        return None
    return Chain(parts, remat)


class Chain(NamedTuple):
    """Consecutive blocks in the fast layout, from maps or coefficients to maps; see `compact`."""

    parts: tuple[Parts, ...]
    remat: bool

    def __call__(self, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None) -> tuple[jax.Array, eqx.nn.State]:
        """Maps of the last block, and the new state."""
        coeffs, state = self._features(x, state, mask)
        last = self.parts[-1]
        planes = layout.collapse(last.stages[-1].activation, last.transform_out, coeffs)
        return layout.leave(planes, last.transform_out, x.shape[:-4]), state

    def pooled(self, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None) -> tuple[jax.Array, eqx.nn.State]:
        """`spin_mean` of those maps, and the new state."""
        coeffs, state = self._features(x, state, mask)
        last = self.parts[-1]
        means = layout.means(last.stages[-1].activation, last.transform_out, coeffs)
        return means.reshape(*x.shape[:-4], *means.shape[1:]), state

    def _features(self, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None) -> tuple[jax.Array, eqx.nn.State]:
        """Compact coefficients of the input of the last activation."""
        flat = None if mask is None else mask.reshape(math.prod(mask.shape))

        def start(block: Parts, x: jax.Array, state: eqx.nn.State) -> tuple[jax.Array, eqx.nn.State]:
            conv = block.stages[0].conv
            return _block(block, layout.enter(x, block.transform_in, conv.bandlimit, conv.spins_in), state, flat)

        def proceed(
            before: Parts, block: Parts, coeffs: jax.Array, state: eqx.nn.State
        ) -> tuple[jax.Array, eqx.nn.State]:
            activation, synthesis = before.stages[-1].activation, before.transform_out
            analysis, bandlimit = block.transform_in, block.stages[0].conv.bandlimit
            assert analysis is not None  # `_follows`
            return _block(block, layout.pass_on(activation, synthesis, coeffs, analysis, bandlimit), state, flat)

        if self.remat:
            start, proceed = eqx.filter_checkpoint(start), eqx.filter_checkpoint(proceed)
        coeffs, state = start(self.parts[0], x, state)
        for before, block in itertools.pairwise(self.parts):
            coeffs, state = proceed(before, block, coeffs, state)
        return coeffs, state


def _block(
    block: Parts, coeffs: jax.Array, state: eqx.nn.State, mask: jax.Array | None
) -> tuple[jax.Array, eqx.nn.State]:
    """Apply a block without its last activation.

    Args:
        block: Its parts.
        coeffs: Compact coefficients, shape (L², elements, spins, 2, channels): degree and order at l² + l + m in the
            basis of `spinharm.convert.to_cosines`, then the batch as one axis, spin, re/im, channel.
        state: See a call.
        mask: Elements that count in statistics, shape (elements).
    """
    first, *further = block.stages
    out, state = layout.normalise(first.norm, layout.convolve(first.conv, coeffs), state, mask)
    if not further:
        return out, state
    (second,), transform = further, block.transform_out
    out = layout.pass_on(first.activation, transform, out, transform, first.conv.bandlimit)
    out, state = layout.normalise(second.norm, layout.convolve(second.conv, out), state, mask)
    spins = first.conv.spins_in, second.conv.spins_out
    return out + by_spin(coeffs, block.shortcut, *spins, axis=2, mix=layout.mix), state


def _is_known(block: Parts, largest: int) -> bool:
    """Whether the layout supports every operation of a block."""
    transforms = [block.transform_in, block.transform_out]
    return (
        block.transform_activation is None
        and all(_is_known_stage(stage, block.transform_out, largest) for stage in block.stages)
        and all(
            one.conv.spins_out == other.conv.spins_in and one.conv.channels_out == other.conv.channels_in
            for one, other in itertools.pairwise(block.stages)
        )
        and all(transform is None or _is_plain_transform(transform) for transform in transforms)
        and (block.transform_in is None or block.transform_in.spins == block.stages[0].conv.spins_in)
        and len({leaf.dtype for leaf in jax.tree.leaves(eqx.filter(block, eqx.is_inexact_array))}) == 1
    )


def _is_known_stage(stage: Stage, transform: SpinTransform, largest: int) -> bool:
    """Whether layers are exactly of the known types, and of the same spins and sizes."""
    conv, norm, activation = stage
    return (
        type(conv) is SpinConv
        and type(norm) is SpectralBatchNorm
        and type(activation) is PhaseCollapse
        and conv.pointwise is None
        and conv.bias is None
        and conv.transform_in is None
        and conv.transform_out is None
        and conv.bandlimit <= largest
        and conv.bandlimit == transform.bandlimit
        and conv.spins_out == norm.affine.spins == activation.spins == transform.spins
        and conv.channels_out == norm.affine.channels == activation.channels
    )


def _is_plain_transform(transform: SpinTransform) -> bool:
    """Whether the products of a transform are those of the layout: from tables, in full precision."""
    return (
        type(transform) is SpinTransform
        and transform.method == "tables"
        and transform.precision == jax.lax.Precision.HIGHEST
    )


def _follows(one: Parts, other: Parts) -> bool:
    """Whether the input of a block is the output of the one before."""
    made, taken, conv = one.stages[-1].conv, other.transform_in, other.stages[0].conv
    return (
        taken is not None
        and taken.grid == one.transform_out.grid
        and taken.spins == one.transform_out.spins
        and conv.channels_in == made.channels_out
    )
