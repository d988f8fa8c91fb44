"""What is done to a picture, by the rows of protocol.json. A picture is RGB, and background is the colour that it lies on."""

import io

from PIL import Image, ImageEnhance


def scale(image, background, by, back):
    """by of each side, at least one pixel, by Pillow's bicubic filter; back to the old size where it says so."""
    small = image.resize([max(1, round(by * length)) for length in image.size], Image.Resampling.BICUBIC)
    return small.resize(image.size, Image.Resampling.BICUBIC) if back else small


def jpeg(image, background, quality):
    """Packed and unpacked, with colours at half the size (4:2:0)."""
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=quality, subsampling=2)
    return Image.open(packed).convert("RGB")


def crop(image, background, side):
    """The share side of the width is cut off at the left and at the right, and of the height at the top and at the bottom."""
    width, height = image.size
    x, y = round(side * width), round(side * height)
    return image.crop((x, y, width - x, height - y))


def brightness(image, background, by):
    """Each value times by, at most 255: what is white stays white, or becomes grey."""
    return ImageEnhance.Brightness(image).enhance(by)


def rotate(image, background, degrees):
    """Anticlockwise about the middle, bicubic, at the old size: corners go, and the background comes in."""
    return image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=background)


def shift(image, background, right, down):
    """By shares of width and height: what leaves is lost, and the background comes in."""
    moved = Image.new("RGB", image.size, background)
    moved.paste(image, (round(right * image.width), round(down * image.height)))
    return moved


CHANGES = {f.__name__: f for f in (scale, jpeg, crop, brightness, rotate, shift)}


def changed(image, background, rows, number):
    """The picture after a change of protocol.json; where that has several rows, they take turns by the number of the picture's line in the list."""
    arguments = dict(rows[number % len(rows)])
    return CHANGES[arguments.pop("change")](image, background, **arguments)
