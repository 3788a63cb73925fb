"""Settings -> the network they name, of the zoo or the user's own; and the images that the user's own takes."""

import shlex
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from compress.errors import EnvironmentProblem, UsageError
from compress.networks.own_code import OwnCode, OwnCodeError, explaining
from compress.networks.own_network import BATCH, Images, build_own, call_build, predict
from models_zoo.architecture import Architecture, MissingExtraError, UnfitInputError, UnknownArchError
from models_zoo.zoo import build_network, find_architecture

SIZES = (28, 32, 48, 64, 96, 128, 224)
"""Image sizes (pixels) that are tried if a network does not take the data's."""

_COLOURS = {1: "grey", 3: "RGB"}


def find_network(
    arch: str, *, model: str | None = None, code: OwnCode | None = None, published: bool = False
) -> Architecture:
    """The network of that name, or the user's own, which is not limited to any image size.

    ``model`` is the spec of the user's own, ``code`` its code, if the command named it, and ``arch`` then its name in
    messages. ``published``: in the form that published weights have.

    UsageError if there is no such network, or no code; EnvironmentProblem if its package is not installed.
    """
    if model is not None:
        if code is None:
            raise UsageError(
                f"the network is your own code, {model}, and code is run only where a command names it: "
                f"add --model {shlex.quote(model)} (in Python: with build=your_function)"
            )
        return Architecture("own", partial(build_own, code, arch), min_size=1, small_size=None, full_size=None)
    try:
        return replace(find_architecture(arch), build=partial(_build_named, arch, published=published))
    except UnknownArchError as error:
        raise UsageError(str(error)) from None
    except MissingExtraError as error:
        raise EnvironmentProblem(str(error)) from None


def _build_named(name: str, *, classes: int, channels: int, image_size: int, published: bool) -> nn.Module:
    """A network of the zoo; ``UsageError`` if it does not take such images, or so many classes."""
    try:
        return build_network(name, classes=classes, channels=channels, image_size=image_size, published=published)
    except UnfitInputError as error:
        raise UsageError(str(error)) from None


def fit(code: OwnCode, name: str, images: Images, *, any_size: bool, any_channels: bool) -> Images:
    """Images that the network takes: the data's, or with the other number of channels, or of the nearest size.

    ``any_size`` allows other sizes of ``SIZES``, ``any_channels`` both 1 and 3 channels; ``name`` is for messages.
    ``UsageError`` if the network takes none of them.
    """
    refusal = _refusal(code, name, images)
    if not refusal:
        return images
    refusals = {_COLOURS[images.channels]: refusal}
    sizes = sorted({images.size, *SIZES}, key=lambda size: abs(size - images.size))
    for channels in (images.channels, 4 - images.channels) if any_channels else (images.channels,):
        tried = {size: _refusal(code, name, Images(size, channels, images.classes)) for size in sizes}
        worked = [size for size in sizes if not tried[size]]
        if images.size in worked or (worked and any_size):
            return Images(worked[0], channels, images.classes)
        refusals[_COLOURS[channels]] = tried[images.size]
        if worked:
            listed = ", ".join(map(str, sorted(worked)))
            hint = f"It takes {_COLOURS[channels]} images of {listed} pixels: try --image-size {worked[0]}"
            raise UsageError(_list_refusals(name, images.size, refusals) + hint)
    listed = ", ".join(map(str, SIZES))
    raise UsageError(
        f"{_list_refusals(name, images.size, refusals)}Nor does it take "
        f"{' or '.join(refusals)} ones of {listed} pixels; if it was made for another size: --image-size N"
    )


def _refusal(code: OwnCode, name: str, images: Images) -> str:
    """Why the network does not take images: its error, or that it mixes samples; empty if it takes them."""
    network = call_build(code, name, images.classes).network
    try:
        with explaining(name):
            logits = predict(network, images.batch())
    except OwnCodeError as error:
        return error.where
    if isinstance(logits, Tensor) and logits.ndim and len(logits) != BATCH:
        return f"{BATCH} images gave {len(logits)} rows of logits; keep them apart with x.flatten(1)"
    return ""


def _list_refusals(name: str, size: int, refusals: dict[str, str]) -> str:
    """The refusals (colour -> reason) of images of one size, grouped by reason."""
    colours: dict[str, list[str]] = {}
    for colour, refusal in refusals.items():
        colours.setdefault(refusal, []).append(colour)
    return "".join(
        f"{name} does not take {' or '.join(same)} images of {size} x {size} pixels:\n{refusal}\n"
        for refusal, same in colours.items()
    )
