"""Writes the pictures beside this script with Pillow, and rows.json with the rows that examples/python/pictures.py makes of them.

    python generate.py

rgba are the upright pixels, for languages that decode pictures elsewhere.
"""

import base64
import json
import pathlib
import struct
import sys
import zlib

import numpy
from PIL import Image

here = pathlib.Path(__file__).parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(here.parents[1] / "examples" / "python"))
from pictures import rgba, row
from PIL import ImageOps

y, x = numpy.mgrid[0:6, 0:9]
colour = numpy.stack([x * 28, y * 50, 255 - 17 * (x + y)], axis=-1).astype(numpy.uint8)
opacity = (x * 25 + y * 11).astype(numpy.uint8)
alpha = numpy.dstack([colour, opacity])
grey = (x * 10 + y * 35).astype(numpy.uint8)


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png16(channels):  # of 16 bits, which Pillow does not write in colour
    height, width, n = channels.shape
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in channels)
    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[n], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def save(name, array, mode=None, **options):
    picture = array if isinstance(array, Image.Image) else Image.fromarray(array, mode)
    picture.save(here / name, **options)


ink = numpy.zeros((6, 9, 4), numpy.uint8)  # black where it is opaque, as pens and icons are
ink[1:5, 3:6, 3] = 255
save("ink.png", ink)
save("grey.png", grey)
save("colour.png", colour)
save("alpha.png", alpha)
save("grey_alpha.png", Image.fromarray(numpy.dstack([grey, opacity]), "LA"))
save("one_bit.png", Image.fromarray(grey > 90))
palette = Image.fromarray(colour).quantize(8)
save("palette.png", palette, transparency=bytes([0, 40, 80, 120, 160, 200, 240, 255]))
save("grey_key.png", Image.fromarray(grey), transparency=45)
save("colour_key.png", Image.fromarray(colour), transparency=tuple(int(v) for v in colour[2, 3]))
(here / "grey16.png").write_bytes(png16(grey[:, :, None].astype(numpy.uint16) * 257 + 77))
(here / "colour16.png").write_bytes(png16(alpha.astype(numpy.uint16) * 257))
save("turned.png", colour, exif=exif(6))
save("lossless.webp", alpha, lossless=True, exact=True)
save("turned.webp", alpha, lossless=True, exact=True, exif=exif(8))
save("lossy.webp", colour, quality=100)
save("lossy_grey.webp", numpy.repeat(numpy.where(grey[:, :, None] > 90, 255, 0).astype(numpy.uint8), 3, axis=2), quality=100)
save("lossy_alpha.webp", alpha, quality=100)
save("colour.bmp", colour)
save("palette.bmp", palette)
save("key.gif", palette, transparency=3)
save("lzw.tif", colour, compression="tiff_lzw")
save("turned.tif", colour, tiffinfo={0x0112: 5})
for n in range(1, 9):
    save(f"turned{n}.jpg", grey, quality=100, exif=exif(n))
save("colour.jpg", colour, quality=100, subsampling=0)
save("cmyk.jpg", Image.fromarray(colour).convert("CMYK"), quality=100, subsampling=0)
(here / "a_jpeg.png").write_bytes((here / "colour.jpg").read_bytes())

rules = [({"resize": "none"}, None), ({"resize": "none", "background": "white", "orientation": "exif"}, None)]
rules += [({"resize": r, "background": b, "orientation": "exif"}, s) for r, b, s in [
    ("nearest", "90", (4, 5)), ("bilinear", "#ff8000", (4, 5)), ("bilinear", "white", (11, 13)), ("catmull-rom", "white", (3, 4)), ("catmull-rom", "white", (13, 10))]]
fits = [("fit-bilinear", "#ff8000", (6, 5)), ("fit-nearest", "white", (3, 11)), ("fill-catmull-rom", "black", (4, 3)), ("fill-bilinear", "#ff8000", (2, 9)), ("fit-catmull-rom", "90", (13, 7))]
rules += [({"resize": r, "background": b, "orientation": "exif"}, s) for r, b, s in fits]
rules += [({"resize": r, "background": b, "orientation": "exif", "color": "rgb"}, s and (3, *s)) for r, b, s in [("none", "#ff8000", None), ("catmull-rom", "white", (3, 4)), ("nearest", "90", (11, 13))] + fits]
newer = rules[7:]  # of some pictures only, or rows.json would be large
of_newer = "colour.png alpha.png turned.png palette.png grey_key.png grey_alpha.png lossless.webp colour16.png colour.jpg key.gif turned6.jpg".split()
lossy = {"lossy.webp": 6, "lossy_alpha.webp": 6, "lossy_grey.webp": 2, "colour.jpg": 4, "cmyk.jpg": 6, "a_jpeg.png": 4, "colour16.png": 1} | {f"turned{n}.jpg": 2 for n in range(1, 9)}
cases = []
for path in sorted(here.iterdir()):
    if path.suffix not in (".png", ".jpg", ".webp", ".bmp", ".gif", ".tif"):
        continue
    for rule, shape in rules:
        picture = Image.open(path)
        if path.name == "turned.tif" and rule.get("orientation") != "exif":
            continue  # Pillow turns TIFF always
        if rule in (r for r, _ in newer) and path.name not in of_newer:
            continue
        upright = ImageOps.exif_transpose(picture) if rule.get("orientation") == "exif" else picture
        pixels = rgba(upright)
        shape = shape or (3,) * (rule.get("color") == "rgb") + pixels.shape[:2]
        made = row(path.read_bytes(), shape, rule)
        cases.append({"file": path.name, "image": rule, "shape": list(shape), "row": base64.b64encode(made.tobytes()).decode(),
                      "tolerance": lossy.get(path.name, 0), "pixels": list(pixels.shape[:2]), "rgba": base64.b64encode(pixels.tobytes()).decode()})
(here / "rows.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
